"""What the service knows of purchases."""

from __future__ import annotations

from cm_api.contract import ReadModel
from cm_api.domains.purchases.audit import AUDIT
from cm_api.domains.purchases.projection import apply, erase
from cm_api.domains.purchases.routes import blueprint, export
from cm_api.domains.purchases.store import PurchaseStore, ensure_indexes
from shop_core.events.purchases import DOMAIN

READ_MODEL: ReadModel[PurchaseStore] = ReadModel(
    domain=DOMAIN,
    store=PurchaseStore,
    apply=apply,
    erase=erase,
    blueprint=blueprint,
    export=export,
    ensure_indexes=ensure_indexes,
    collections=("users",),
    audit=AUDIT,
)
