"""Analytics as read models: clicks, impressions and unique users of each hour and day."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from cm_api.domains.analytics.projection import apply, erase
from cm_api.domains.analytics.routes import blueprint, export
from cm_api.domains.analytics.store import AnalyticsStore as Store
from cm_api.domains.analytics.store import ensure_indexes
from cm_api.settings import ConsumerSettings

__all__ = ["Store", "apply", "blueprint", "ensure_indexes", "erase", "export", "store_maker"]


def store_maker(settings: ConsumerSettings) -> Callable[..., Store]:
    return partial(Store, kept=timedelta(days=settings.visitor_days))
