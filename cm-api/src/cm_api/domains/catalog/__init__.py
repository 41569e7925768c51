"""The catalog as read models: products with their exact ratings, and the reviews that these come from."""

from cm_api.domains.catalog.cache import hooks
from cm_api.domains.catalog.numbers import keep_numbers
from cm_api.domains.catalog.projection import apply, erase
from cm_api.domains.catalog.routes import blueprint, export, store_of
from cm_api.domains.catalog.store import COLLECTIONS, ensure_indexes
from cm_api.domains.catalog.store import CatalogStore as Store

__all__ = [
    "COLLECTIONS",
    "Store",
    "apply",
    "blueprint",
    "ensure_indexes",
    "erase",
    "export",
    "hooks",
    "keep_numbers",
    "store_of",
]
