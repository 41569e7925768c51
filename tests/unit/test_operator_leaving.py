"""How long a deletion waits for consumers to drain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shop_operator.holding import FINALIZER, held, seconds_left

ASKED = datetime(2026, 1, 1, tzinfo=UTC)


def leaving(grace: int, *finalizers: str) -> dict[str, Any]:
    meta = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [FINALIZER, *finalizers]}
    return {"metadata": meta, "spec": {"drainGraceSeconds": grace}}


def test_the_grace_counts_from_the_request() -> None:
    assert held(leaving(30))
    assert seconds_left(leaving(30), ASKED + timedelta(seconds=10)) == 20
    assert seconds_left(leaving(30), ASKED + timedelta(seconds=31)) == 0


def test_a_deletion_in_the_foreground_has_taken_the_pods_already() -> None:
    assert seconds_left(leaving(30, "foregroundDeletion"), ASKED) == 0
