"""`shopctl scale`: why a consumer has as many pods as it has, pin and unpin them, and what other settings would do."""
