"""The published language: one module a domain, and the one table from which every service finds its domains."""

from __future__ import annotations

from shop_core.events import analytics, campaigns, catalog, purchases
from shop_core.events.envelope import Domain

DOMAINS: dict[str, Domain] = {
    domain.name: domain for domain in (purchases.DOMAIN, catalog.DOMAIN, campaigns.DOMAIN, analytics.DOMAIN)
}
TOPICS: dict[str, Domain] = {domain.topic: domain for domain in DOMAINS.values()}
