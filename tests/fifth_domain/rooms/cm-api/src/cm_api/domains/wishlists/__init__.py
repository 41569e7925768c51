"""Wishlists as a read model: each wish, and nothing of it but its id once its user is erased."""
