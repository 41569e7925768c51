"""What the service knows of wishlists, which can be rebuilt from their topic."""

from __future__ import annotations

from cm_api.contract import ReadModel, Rebuilding
from cm_api.domains.wishlists.projection import apply, erase
from cm_api.domains.wishlists.routes import blueprint, export, store_of
from cm_api.domains.wishlists.store import COLLECTION, WishStore, ensure_indexes
from shop_core.events.wishlists import DOMAIN

READ_MODEL: ReadModel[WishStore] = ReadModel(
    domain=DOMAIN,
    store=WishStore,
    live=store_of,
    apply=apply,
    erase=erase,
    blueprint=blueprint,
    export=export,
    ensure_indexes=ensure_indexes,
    rebuilding=Rebuilding[WishStore](collections=(COLLECTION,), store=WishStore, ensure_indexes=ensure_indexes),
)
