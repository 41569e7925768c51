"""Analytics as read models: clicks, impressions and unique users of each hour and day."""
