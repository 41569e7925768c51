"""Asks each Shop's cm-api for its campaigns, on a timer of its own: a cm-api that hangs holds no other look up.

What was told last is kept, and counts until something else is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import urllib3

from shop_operator import metrics
from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.decisions import warm_up
from shop_operator.decisions.warm_up import Campaign, Told
from shop_operator.desired.kafka_login import BadSecret, texts

TIMEOUT = urllib3.Timeout(connect=2, read=5)
# Beyond so many pages of campaigns at once nobody has a plan; the rest is left out.
PAGES, LIMIT = 10, 200
UNSEEN = "CampaignsUnavailable"


class ApiAway(Exception):
    """cm-api did not tell the campaigns; the message says why."""


class CampaignsApi:
    """The campaigns of one Shop at a time. `address` has the places {shop} and {namespace}."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._pool = urllib3.PoolManager(timeout=TIMEOUT, retries=False)

    def near(self, namespace: str, shop: str, horizon: datetime, token: str) -> tuple[Campaign, ...]:
        """All that are live, and those that start until `horizon`; `token` is what cm-api asks for."""
        base = self._address.format(shop=shop, namespace=namespace)
        found = self._all(f"{base}/campaign-events/live", None, token)
        return (*found, *self._all(f"{base}/campaign-events/upcoming", horizon, token))

    def _all(self, url: str, horizon: datetime | None, token: str) -> list[Campaign]:
        """The pages of a list in the order of its start."""
        found: list[Campaign] = []
        fields = {"limit": str(LIMIT)}
        for _ in range(PAGES):
            page = self._page(url, fields, token)
            try:
                found += warm_up.campaigns_of(page["campaigns"])
                cursor = page["next"]
            except (KeyError, TypeError, ValueError) as error:
                raise ApiAway(f"{url} answered something else than campaigns") from error
            if not cursor or (horizon is not None and found and found[-1].start > horizon):
                break
            fields = {"limit": str(LIMIT), "cursor": cursor}
        return found

    def _page(self, url: str, fields: dict[str, str], token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = self._pool.request("GET", url, fields=fields, headers=headers)
            if answer.status != 200:
                raise ApiAway(f"{url} answered {answer.status}")
            return answer.json()
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise ApiAway(f"{url} does not answer ({type(error).__name__})") from error


class Campaigns:
    """What each Shop's cm-api has told last."""

    def __init__(self, cluster: Cluster, api: CampaignsApi, horizon: timedelta) -> None:
        self._cluster, self._api, self._horizon = cluster, api, horizon
        self._told: dict[tuple[str, str], Told] = {}

    def latest(self, namespace: str, shop: str) -> Told:
        return self._told.get((namespace, shop), Told())

    def ask(self, namespace: str, shop: str) -> bool:
        """One question for a Shop that has a warm-up; False when the Shop is gone."""
        body = self._cluster.get("Shop", namespace, shop)
        asked = body["spec"].get("campaignWarmUp") if body else None
        if body is None or asked is None:
            self._told.pop((namespace, shop), None)
            return body is not None
        try:
            until = datetime.now(UTC) + warm_up.lead(asked) + self._horizon
            self._told[namespace, shop] = Told(self._api.near(namespace, shop, until, self._token(body)))
            metrics.CAMPAIGNS_ASKED.labels("ok").inc()
        except ApiAway as error:
            before = self.latest(namespace, shop)
            self._told[namespace, shop] = replace(before, failures=before.failures + 1, trouble=str(error))
            metrics.CAMPAIGNS_ASKED.labels("failed").inc()
        return True

    def _token(self, body: Manifest) -> str:
        """The service token of a Shop's Secret, read each time; of several lines the first is sent."""
        reference = body["spec"].get("serviceTokenSecretRef")
        if not reference:
            return ""
        secret = self._cluster.get("Secret", body["metadata"]["namespace"], reference["name"])
        place = f"Secret {reference['name']} (serviceTokenSecretRef)"
        try:
            tokens = texts(secret or {}, ("token",), place).get("token", "").split()
        except BadSecret as error:
            raise ApiAway(str(error)) from error
        if not tokens:
            raise ApiAway(f"{place} has no token")
        return tokens[0]


def unseen(asked: Manifest | None, told: Told, before: Sequence[Manifest] = ()) -> tuple[bool, str, str]:
    """The condition CampaignsUnavailable: whether it holds, reason and message. `before` are the conditions as they
    were: an operator that has just begun knows no better."""
    if asked is None:
        return False, "NotAsked", "No consumer is warmed up for campaigns."
    if not told.unseen:
        known = next((each for each in before if each["type"] == UNSEEN and each["status"] == "True"), None)
        if known and told.campaigns is None:
            return True, known["reason"], known["message"]
        return False, "Fine", f"cm-api has not failed to tell the campaigns {warm_up.UNSEEN_AFTER} times in a row."
    said = "what it told last counts on" if told.campaigns is not None else "the last warm-up lasts until its end"
    return True, "ApiAway", f"{told.trouble}; {said}, and no other campaign is seen: is cm-api up and reachable?"
