"""The query API: composition root, context, paging, receipts."""
