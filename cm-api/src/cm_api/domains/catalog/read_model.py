"""What the service knows of the catalog, which can be rebuilt from its topic."""

from __future__ import annotations

from cm_api.contract import ReadModel, Rebuilding
from cm_api.domains.catalog.audit import AUDIT
from cm_api.domains.catalog.cache import hooks
from cm_api.domains.catalog.numbers import keep_numbers
from cm_api.domains.catalog.projection import apply, erase
from cm_api.domains.catalog.routes import blueprint, export, store_of
from cm_api.domains.catalog.store import COLLECTIONS, CatalogStore, ensure_indexes
from shop_core.events.catalog import DOMAIN

READ_MODEL: ReadModel[CatalogStore] = ReadModel(
    domain=DOMAIN,
    store=CatalogStore,
    live=store_of,
    apply=apply,
    erase=erase,
    blueprint=blueprint,
    export=export,
    ensure_indexes=ensure_indexes,
    hooks=hooks,
    audit=AUDIT,
    rebuilding=Rebuilding[CatalogStore](
        collections=COLLECTIONS,
        store=CatalogStore,
        ensure_indexes=ensure_indexes,
        raised=CatalogStore.raised,
        take_over=keep_numbers,
    ),
)
