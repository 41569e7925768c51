"""Purchases as read models: each purchase, and each user's profile kept incrementally."""

from cm_api.domains.purchases.projection import apply, erase
from cm_api.domains.purchases.routes import blueprint, export
from cm_api.domains.purchases.store import PurchaseStore as Store
from cm_api.domains.purchases.store import ensure_indexes

__all__ = ["Store", "apply", "blueprint", "ensure_indexes", "erase", "export"]
