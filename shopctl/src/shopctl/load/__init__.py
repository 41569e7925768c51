"""`shopctl load`: bounded load on a platform, as users make it."""
