"""`X-Data-As-Of` on every read: whatever was accepted before that moment is in the answer."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Platform

READS = (
    "/getAllUserBuys/nobody", "/v1/users/nobody/purchases", "/v1/products", "/v1/products/nothing", "/campaign-events/",
    "/campaign-events/live", "/events/live", "/analytics?timestamp=1700000000000", "/analytics/series",
)  # fmt: skip


def as_of(platform: Platform, path: str) -> datetime | None:
    """The moment that an answer tells, where it tells one."""
    answer = platform.request("GET", path)
    assert answer.status in (200, 404)
    told = answer.headers.get("X-Data-As-Of")
    return datetime.fromisoformat(told) if told else None


@pytest.mark.parametrize("path", READS)
def test_each_read_tells_of_which_moment_it_is(platform: Platform, until: Callable[..., None], path: str) -> None:
    asked = datetime.now(UTC)
    until(lambda: (as_of(platform, path) or datetime.min.replace(tzinfo=UTC)) >= asked, "it tells of now")
    assert (as_of(platform, path) or asked) <= datetime.now(UTC)


@pytest.mark.parametrize("view", ["", "live"])
def test_what_is_behind_says_so(platform: Platform, until: Callable[..., None], view: str) -> None:
    name, path = uuid.uuid4().hex, f"/campaign-events/{view}"
    until(lambda: as_of(platform, path) is not None, "it is told")
    pid = platform.signal("campaigns-consumer-1", signal.SIGSTOP)
    try:
        body = json.dumps({"name": name, "startDate": "2020-01-01T00:00:00Z", "endDate": "2090-01-01T00:00:00Z"})
        assert platform.request("POST", "/campaign-events/", body=body).status == 202
        accepted = datetime.now(UTC)
        until(lambda: (as_of(platform, "/v1/products") or accepted) > accepted, "another domain goes on")
        assert (as_of(platform, path) or accepted) < accepted
    finally:
        platform.signal("campaigns-consumer-1", signal.SIGCONT)
    assert pid

    def up_to_date() -> bool:
        answer = platform.request("GET", f"{path}?limit=200")
        late = datetime.fromisoformat(answer.headers["X-Data-As-Of"]) >= accepted
        assert name in answer.data.decode() or not late, "it tells of a moment after that, but does not have it"
        return late

    until(up_to_date, "the consumer catches up")
