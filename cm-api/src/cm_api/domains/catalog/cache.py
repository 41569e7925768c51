"""Product reads by cache: in the process, or in the shared one for all of them. The database is the only source.

The consumer writes tombstones before its commit and the new values after it. A reader fills what is missing, and
bypasses the cache where the answer must be the newest. So the cache is never newer than the database.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from cm_api.batch_result import Hooks, NoHooks, Outcome
from cm_api.domains.catalog.presenters import to_product
from cm_api.domains.catalog.store import CatalogStore
from cm_api.http.context import Context
from cm_api.http.shared_cache import SharedCache, shared_cache
from shop_core.config.settings import CacheSettings
from shop_core.errors import ShopError
from shop_core.mongo.client import Database, Document
from shop_core.responses.catalog import Product
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
RATING, REVIEW_COUNT = ":rating", ":reviewCount"
SUFFIXES = (RATING, REVIEW_COUNT)
CHUNK = 100


def cached_product(context: Context, store: CatalogStore, id: str, *, newest: bool) -> Product | None:
    """The product, for the caller alone. `newest`: not older than this moment."""
    key = ("product", store.generation, id)
    if context.shared is None:
        found = context.cache.get(key, lambda: store.product(id))
        return to_product(found) if found else None
    if newest:
        metrics.CACHE.labels("shared", "bypass").inc()
    elif (known := _read(context.shared, id)) is not None:
        return known
    shared = context.shared

    def load() -> Product | None:
        # Another may have filled it since it was missed: of a crowd, only the first asks the database.
        if not newest and (known := _read(shared, id)) is not None:
            return known
        doc = store.product(id)
        if doc is None:
            return None
        put(shared, product := to_product(doc), writer=False)
        return product

    found = context.cache.once(key, load)
    return msgspec.structs.replace(found) if found else None


def put(shared: SharedCache, product: Product, *, writer: bool) -> None:
    """`product:<id>` is the product as the API shows it, `…:rating` its average, `…:reviewCount` the number."""
    values = {
        "": msgspec.json.encode(product),
        RATING: msgspec.json.encode(product.average_rating),
        REVIEW_COUNT: str(product.review_count).encode(),
    }
    shared.put(entity(product.id), product.version, values, writer=writer)


def entity(id: str) -> str:
    return f"product:{id}"


def _read(shared: SharedCache, id: str) -> Product | None:
    raw = shared.read(entity(id))
    if raw is None:
        return None
    try:
        found = msgspec.json.decode(raw, type=Product)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        shared.wrong(entity(id), str(error))
        return None
    if found.id != id:
        shared.wrong(entity(id), f"holds product {found.id}")
        return None
    return found


class CacheHooks:
    """What the catalog's consumer tells the shared cache."""

    def __init__(self, shared: SharedCache, db: Database[Document]) -> None:
        self._shared = shared
        self._db = db

    def about_to_commit(self, outcome: Outcome) -> None:
        self._shared.doubt((entity(id) for id in outcome.changed), SUFFIXES)

    def committed(self, outcome: Outcome) -> None:
        """Those that are gone stay in doubt, so that no slow reader brings them back."""
        changed = sorted(outcome.changed)
        try:
            for start in range(0, len(changed), CHUNK):
                self._tell(changed[start : start + CHUNK])
        except ShopError as outage:  # in doubt they are read from the database, and the doubt ends by itself
            log.warning("cache_not_updated", extra={"error": str(outage)})

    def swapped(self) -> None:
        self._shared.clear("product:*")

    def _tell(self, ids: Sequence[str]) -> None:
        for doc in CatalogStore(self._db).products(ids):
            put(self._shared, to_product(doc), writer=True)


def hooks(settings: CacheSettings, db: Database[Document]) -> Hooks:
    shared = shared_cache(settings)
    return CacheHooks(shared, db) if shared else NoHooks()
