"""Asks the two services of each Shop what they miss, on a timer of its own: a service that hangs holds no look up.

Pods are ready as long as they can answer at all, so that one dependency that is away shuts nobody out. What is away is
told here instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

from shop_operator.adapters.cluster import Cluster
from shop_operator.decisions.conditions import Condition, condition

TIMEOUT = urllib3.Timeout(connect=2, read=7)
UNAVAILABLE = "DependencyUnavailable"
_AWAY = {"kafka": "KafkaAway", "mongodb": "MongoDbAway", "cm-api": "CmApiAway"}


@dataclass(frozen=True)
class Report:
    """What one service said of the parts that it needs: the missing ones with a sentence, or why it said nothing."""

    missing: Mapping[str, str]
    silence: str = ""


class Dependencies:
    """What each Shop's services have said last. `addresses` have the places {shop} and {namespace}, by service."""

    def __init__(self, cluster: Cluster, addresses: Mapping[str, str]) -> None:
        self._cluster, self._addresses = cluster, addresses
        self._pool = urllib3.PoolManager(timeout=TIMEOUT, retries=False)
        self._told: dict[tuple[str, str], dict[str, Report]] = {}

    def latest(self, namespace: str, shop: str) -> dict[str, Report]:
        """By service; empty before the first question."""
        return self._told.get((namespace, shop), {})

    def ask(self, namespace: str, shop: str) -> bool:
        """One question to each service; False when the Shop is gone."""
        if self._cluster.get("Shop", namespace, shop) is None:
            self._told.pop((namespace, shop), None)
            return False
        self._told[namespace, shop] = {
            service: self._ask(f"{address.format(shop=shop, namespace=namespace)}/readyz")
            for service, address in self._addresses.items()
        }
        return True

    def _ask(self, url: str) -> Report:
        try:
            answer = self._pool.request("GET", url)
            parts = json.loads(answer.data)["dependencies"]
            return Report({name: str(part["detail"]) for name, part in parts.items() if not part["ok"]})
        except urllib3.exceptions.HTTPError as error:
            return Report({}, f"{url} does not answer ({type(error).__name__})")
        except (ValueError, KeyError, TypeError, AttributeError):
            return Report({}, f"{url} answered something else than its dependencies")


def unavailable(told: Mapping[str, Report]) -> Condition:
    """True where a service misses a part; Unknown while one says nothing and the other misses nothing."""
    missing = [(service, part, said) for service, report in told.items() for part, said in report.missing.items()]
    if missing:
        part = missing[0][1]
        what = "; ".join(f"{service} cannot reach {part}: {said}" for service, part, said in missing)
        text = f"{what}. What needs it is answered 503 with Retry-After; everything else goes on."
        return condition(UNAVAILABLE, True, _AWAY.get(part, "Away"), text)
    silent = [report.silence for report in told.values() if report.silence]
    if silent or not told:
        return condition(UNAVAILABLE, None, "NotTold", "; ".join(silent) or "The services have not been asked yet.")
    return condition(UNAVAILABLE, False, "Fine", "cm-server and cm-api reach all that they need.")
