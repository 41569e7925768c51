"""Who waits for a receipt shares the readings of the database with the others who wait, an outage as well."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from cm_api.http import stored_positions
from cm_api.http.stored_positions import StoredPositions
from shop_core.errors import Unavailable
from shop_core.mongo.positions import Stored

TOPIC = "shop.purchases"
MANY = 20


class Counted(StoredPositions):
    """Over a database that answers when it is let, by an offset that counts its readings."""

    def __init__(self) -> None:
        super().__init__(cast(Any, None))
        self.readings, self.away, self.may = 0, False, threading.Event()
        self.may.set()

    def now(self, topic: str) -> Mapping[int, Stored]:
        self.readings += 1
        assert self.may.wait(10)
        if self.away:
            raise Unavailable("the database is away")
        return {0: Stored(self.readings, [])}


@pytest.fixture
def positions() -> Counted:
    return Counted()


def lately(positions: StoredPositions) -> int | str:
    try:
        return positions.lately(TOPIC)[0].offset
    except Unavailable as error:
        return str(error)


def at_once(positions: Counted) -> list[int | str]:
    """What so many are told who ask while one reading is being made."""
    positions.may.clear()
    with ThreadPoolExecutor(MANY) as pool:
        told = [pool.submit(lately, positions) for _ in range(MANY)]
        while not positions._last[TOPIC].lock.locked():
            threading.Event().wait(0.001)
        positions.may.set()
    return [each.result() for each in told]


def test_those_who_ask_meanwhile_share_one_reading(positions: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_positions, "LATELY_SECONDS", 1.0)
    assert set(at_once(positions)) == {1} and positions.readings == 1


def test_an_outage_is_shared_as_well_and_passes(positions: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_positions, "LATELY_SECONDS", 1.0)
    positions.away = True
    assert set(at_once(positions)) == {"the database is away"} and positions.readings == 1
    positions.away = False
    monkeypatch.setattr(stored_positions, "LATELY_SECONDS", 0.0)
    assert lately(positions) == 2


def test_who_asks_later_is_told_what_is_read_then(positions: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_positions, "LATELY_SECONDS", 0.0)
    assert [lately(positions) for _ in range(3)] == [1, 2, 3]
    assert positions.now(TOPIC)[0].offset == 4


def test_each_topic_has_readings_of_its_own(positions: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_positions, "LATELY_SECONDS", 10.0)
    assert [positions.lately(topic)[0].offset for topic in (TOPIC, "shop.reviews", TOPIC)] == [1, 2, 1]
