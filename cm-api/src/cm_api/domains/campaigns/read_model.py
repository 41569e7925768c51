"""What the service knows of campaigns. They name no person: nobody is erased or told here."""

from __future__ import annotations

from cm_api.contract import ReadModel
from cm_api.domains.campaigns.audit import AUDIT
from cm_api.domains.campaigns.projection import apply
from cm_api.domains.campaigns.routes import blueprint
from cm_api.domains.campaigns.store import CampaignStore, ensure_indexes
from shop_core.events.campaigns import DOMAIN

READ_MODEL: ReadModel[CampaignStore] = ReadModel(
    domain=DOMAIN,
    store=CampaignStore,
    apply=apply,
    blueprint=blueprint,
    ensure_indexes=ensure_indexes,
    collections=("campaigns_applied",),
    audit=AUDIT,
)
