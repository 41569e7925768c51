"""The domains: the modules here that say DOMAIN. Made by scripts/domains.py (`make generate`)."""

from __future__ import annotations

from shop_core.events import (
    analytics,
    campaigns,
    catalog,
    purchases,
)
from shop_core.events.envelope import Domain

EVERY: tuple[Domain, ...] = (
    purchases.DOMAIN,
    catalog.DOMAIN,
    campaigns.DOMAIN,
    analytics.DOMAIN,
)
