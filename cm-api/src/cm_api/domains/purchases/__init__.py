"""Purchases as read models: each purchase, and each user's profile kept incrementally."""
