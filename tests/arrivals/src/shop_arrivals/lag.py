"""How far the consumers are behind, by what they tell themselves and by what the broker knows."""

from __future__ import annotations

from shop_arrivals.rounds import Rounds
from shop_arrivals.topic import group_lag


def behind(rounds: Rounds) -> dict[str, dict[int, float]]:
    """Each partition whose lag is not 0, by who says so."""
    told: dict[str, dict[int, float]] = {}
    for domain, ledger in rounds.ledgers.items():
        metric = rounds.shop.metric(domain, "shop_consumer_lag_events")
        told[f"{domain} by metric"] = {partition: lag for partition, lag in metric.items() if lag}
        told[f"{domain} by broker"] = {**group_lag(rounds.shop.platform.bootstrap, ledger.topic, f"cm-api-{domain}")}
    return {who: lags for who, lags in told.items() if lags}
