"""What the service knows of analytics."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from cm_api.contract import ReadModel, StoreMaker
from cm_api.domains.analytics.audit import AUDIT
from cm_api.domains.analytics.projection import apply, erase
from cm_api.domains.analytics.routes import blueprint, export
from cm_api.domains.analytics.store import AnalyticsStore, ensure_indexes
from cm_api.settings import ConsumerSettings
from shop_core.events.analytics import DOMAIN


def tuned(settings: ConsumerSettings) -> StoreMaker[AnalyticsStore]:
    return partial(AnalyticsStore, kept=timedelta(days=settings.visitor_days))


READ_MODEL: ReadModel[AnalyticsStore] = ReadModel(
    domain=DOMAIN,
    store=AnalyticsStore,
    tuned=tuned,
    apply=apply,
    erase=erase,
    blueprint=blueprint,
    export=export,
    ensure_indexes=ensure_indexes,
    collections=("analytics_applied",),
    audit=AUDIT,
)
