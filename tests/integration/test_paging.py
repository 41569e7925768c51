"""Paging as a property: whatever arrives between two pages, no item comes twice and none is missing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cm_api.app import create_app
from cm_api.domains.purchases.projection import to_document
from cm_api.domains.purchases.store import PurchaseStore
from cm_api.settings import QuerySettings
from shop_core.events.envelope import Event
from shop_core.events.instants import Instant
from shop_core.events.purchases import PURCHASE_MADE, PurchaseMade

if TYPE_CHECKING:
    from tests.conftest import Platform

START = datetime(2026, 1, 1, tzinfo=UTC)
# Few different moments, so that many purchases share one, to the microsecond.
MOMENTS = st.integers(0, 9).map(lambda n: START + timedelta(microseconds=n))


@pytest.fixture(scope="module")
def store(platform: Platform) -> PurchaseStore:
    return PurchaseStore(platform.db)


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[Any]:
    app = create_app(QuerySettings(bootstrap_servers=platform.bootstrap, mongodb_uri=platform.mongodb_uri))
    with app.test_client() as client:
        yield client
    app.extensions["shop_close"]()


def stored(store: PurchaseStore, user: str, moments: list[datetime]) -> list[str]:
    """Store a purchase of `user` at each moment; their ids."""
    events = [
        Event(
            str(uuid.uuid4()),
            PURCHASE_MADE,
            START,
            "d",
            PurchaseMade(user, user, "1.00", Instant.of(moment)),
            "shop.purchases-0-0",
        )
        for moment in moments
    ]
    store.insert([to_document(event) for event in events])
    return [event.id for event in events]


@settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(
    before=st.lists(MOMENTS, max_size=25),
    meanwhile=st.lists(st.lists(MOMENTS, max_size=4), max_size=8),
    limit=st.integers(1, 7),
    sort=st.sampled_from(["newest", "oldest"]),
)
def test_pages_hold_each_item_once_while_others_are_inserted(
    store: PurchaseStore, api: Any, before: list[datetime], meanwhile: list[list[datetime]], limit: int, sort: str
) -> None:
    user = f"page/{uuid.uuid4().hex}"
    first = stored(store, user, before)
    others: list[str] = []
    arriving = iter(meanwhile)
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"sort={sort}&limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        page = api.get(f"/v1/users/{quote(user, safe='')}/purchases?{query}", environ_overrides=raw(user, query)).json
        assert len(page["purchases"]) <= limit
        seen += page["purchases"]
        assert len(seen) <= len(first) + len(others), "an item came twice"
        cursor = page["next"]
        others += stored(store, user, next(arriving, []))
    ids = [item["_id"] for item in seen]
    assert len(ids) == len(set(ids)), "an item came twice"
    assert set(first) <= set(ids), "an item is missing"
    assert set(ids) <= {*first, *others}
    moments = [datetime.fromisoformat(item["timestamp"]) for item in seen]
    assert moments == sorted(moments, reverse=sort == "newest")


def test_an_order_goes_with_a_range_and_a_cursor_stays_in_its_order(store: PurchaseStore, api: Any) -> None:
    user = uuid.uuid4().hex
    ids = stored(store, user, [START + timedelta(minutes=n) for n in range(10)])

    def ask(query: str) -> Any:
        return api.get(f"/v1/users/{user}/purchases?{query}")

    within = "from=2026-01-01T00:02:00Z&to=2026-01-01T00:07:00Z&limit=3"
    for sort, expected in (("oldest", ids[2:7]), ("newest", ids[6:1:-1])):
        first = ask(f"{within}&sort={sort}").json
        rest = ask(f"{within}&sort={sort}&cursor={first['next']}").json
        assert [item["_id"] for item in first["purchases"] + rest["purchases"]] == expected
        assert rest["next"] is None
        other = {"oldest": "newest", "newest": "oldest"}[sort]
        refused = ask(f"sort={other}&cursor={first['next']}")
        assert (refused.status_code, refused.json["field"]) == (400, "cursor")
    later = ask("sort=oldest&limit=1").json["next"]
    assert [item["_id"] for item in ask(f"{within}&sort=oldest&cursor={later}").json["purchases"]] == ids[2:5]
    assert ask("sort=cheapest").json["field"] == "sort"


def raw(user: str, query: str) -> dict[str, str]:
    """What gunicorn adds and the test client doesn't: the path as it was sent, with its encoded slash."""
    return {"RAW_URI": f"/v1/users/{quote(user, safe='')}/purchases?{query}"}
