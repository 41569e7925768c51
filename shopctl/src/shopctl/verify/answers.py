"""The public answers about canaries, asked for until they come or the time is over; and the erasure of canaries."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from shop_core.errors import Unavailable
from shopctl.proof.history import Kind
from shopctl.proof.shown import Shown, Thing, Total

ANSWER_WITHIN = 10.0
PAUSE = 0.5
BEHIND = 1.2  # seconds that a cache may be behind what is stored


class Answers:
    """Of one platform. `Unavailable` where an answer doesn't come until the deadline (`until`, of the monotonic clock),
    or is none that helps."""

    def __init__(self, base: str, headers: Mapping[str, str]) -> None:
        self._base, self._headers = base, dict(headers)
        self._http = urllib3.PoolManager(timeout=ANSWER_WITHIN, retries=False)
        self.until = 0.0

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.clear()

    def profile(self, user: str) -> dict[str, Any] | None:
        return self._ask(f"/v1/users/{user}")

    def state(self, receipt: str) -> str:
        said = self._ask(f"/v1/receipts/{quote(receipt, safe='')}")
        return "unknown" if said is None else str(said["state"])

    def shown(self, users: Sequence[str]) -> tuple[Shown, dict[str, str]]:
        """All that is told of these users, and the name in each profile, which is that of the newest purchase."""
        time.sleep(BEHIND)
        shown, newest = Shown(), {}
        for user in users:
            shown.things += self._purchases(user)
            if (profile := self.profile(user)) is not None:
                shown.totals[user] = Total(profile["count"], Decimal(profile["totalSpent"]))
                newest[user] = profile["username"]
        return shown, newest

    def erase(self, run: str, user: str) -> None:
        """Erase a user, and wait until that is done everywhere."""
        headers = {"Prefer": "wait=5", "Idempotency-Key": f"{user}-erased"}
        while True:
            status, _ = self._exchange("DELETE", f"/v1/users/{user}", headers)
            if status == 200:
                return
            if status not in (0, 202, 429) and status < 500:
                raise Unavailable(f"{self._base} answers {status} to the erasure of {user}")
            self._pause(f"the erasure of {user} is not done ({status or 'no answer'})")

    def _purchases(self, user: str) -> Iterator[Thing]:
        cursor: dict[str, str] | None = {}
        while cursor is not None:
            page = self._ask(f"/v1/users/{user}/purchases?{urlencode({'limit': '200', **cursor})}")
            if page is None:
                return
            for each in page["purchases"]:
                content = {"userid": each["userid"], "price": each["price"]}
                yield Thing(Kind.PURCHASE, each["_id"], each["username"], content)
            cursor = {"cursor": page["next"]} if page["next"] else None

    def _ask(self, path: str) -> dict[str, Any] | None:
        """The answer; None for a 404."""
        while True:
            status, body = self._exchange("GET", path, {})
            if status == 404:
                return None
            if status == 200:
                try:
                    said = json.loads(body)
                    return dict(said)
                except (ValueError, TypeError):
                    raise Unavailable(f"{self._base} answers with something that is not the shop's") from None
            if status not in (0, 429) and status < 500:
                hint = ": give --key-file" if status in (401, 403) else ""
                raise Unavailable(f"{self._base} answers {status}{hint}")
            self._pause(f"{self._base} does not answer" if status == 0 else f"{self._base} answers {status}")

    def _exchange(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        try:
            answer = self._http.request(
                method, self._base + path, headers=self._headers | dict(headers), redirect=False
            )
        except urllib3.exceptions.HTTPError:
            return 0, b""
        return answer.status, answer.data

    def _pause(self, why: str) -> None:
        if time.monotonic() > self.until:
            raise Unavailable(why)
        time.sleep(PAUSE)
