"""Settings, logs, ids, cache and positions, without any server."""

from __future__ import annotations

import json
import logging
import weakref
from pathlib import Path
from typing import Any

import pytest

from cm_api.http.paging import Cache, encode_cursor
from cm_api.pipeline.partitions import PartitionPositions
from cm_api.settings import ConsumerSettings
from cm_server.settings import ServerSettings
from shop_core.config.known_variables import KNOWN
from shop_core.config.settings import LogSettings, load
from shop_core.dead_letters.mending import mended
from shop_core.errors import ConfigError, InvalidInput
from shop_core.events import DOMAINS
from shop_core.events.analytics import InteractionRecorded
from shop_core.events.campaigns import CampaignCreated
from shop_core.events.catalog import ProductCreated, ReviewAdded, ReviewUpdated
from shop_core.events.envelope import TopicPartition
from shop_core.events.receipts import Receipt
from shop_core.identifiers import uuid7
from shop_core.mongo.event_counts import EventCounts
from shop_core.mongo.positions import Position
from shop_core.telemetry import logs
from shopctl.changes import changes_of


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PORT", "0"),
        ("HTTP_PORT", "eighty"),
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost"),
        ("CM_API_URL", "localhost:8081"),
        ("API_DOCS_ACTIVE", "maybe"),
        ("API_DOCS_PATH", "docs"),
        ("KAFKA_BOOTSTRAP_SERVER", "127.0.0.1:9092"),
        ("HTTP_THREAD", "4"),
    ],
)
def test_a_setting_that_cannot_work_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        load(ServerSettings, {variable: value})


@pytest.mark.parametrize("variable", KNOWN)
def test_no_setting_of_any_service_is_misspelt_in_silence(variable: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{variable}Z is not a known setting: rename it to {variable}"):
        load(LogSettings, {f"{variable}Z": "1"})


@pytest.mark.security(26)
@pytest.mark.parametrize("value", ["redsi://:se/cret@host", "user:se/cret@host:6379", "http://secret:x@h/se@cret@host"])
def test_an_address_that_cannot_work_is_shown_without_its_login(value: str) -> None:
    with pytest.raises(ConfigError, match=r"LIMITS_URL.*…@host") as told:
        load(ServerSettings, {"LIMITS_URL": value})
    assert "cret" not in str(told.value)


def test_settings_are_read_with_their_defaults_and_others_variables_are_no_mistake() -> None:
    settings = load(ServerSettings, {"HTTP_PORT": "9000", "HTTP_PROXY": "http://x", "MONGODB_URI": "mongodb://h"})
    assert (settings.http_port, settings.bootstrap_servers) == (9000, "127.0.0.1:9092")
    assert load(ConsumerSettings, {}).mongodb_uri.startswith("mongodb://")


def test_log_lines_are_json_and_the_level_file_is_read_again(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        file = tmp_path / "levels"
        file.write_text("shop_test=ERROR")
        settings = LogSettings(log_level_file=str(file))
        logs.configure(settings)
        assert not logging.getLogger("shop_test").isEnabledFor(logging.INFO)
        file.write_text("shop_test=DEBUG")
        logs.apply_levels(settings)
        assert logging.getLogger("shop_test").isEnabledFor(logging.DEBUG)
        record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "bought", "event_id": "e1"})
        token = logs.request_id.set("r1")
        line = json.loads(root.handlers[0].format(record))
        assert (line["event"], line["event_id"], line["logger"], line["request_id"]) == ("bought", "e1", "x", "r1")
        logs.request_id.reset(token)
        with pytest.raises(ConfigError, match="LOG_LEVEL"):
            logs.apply_levels(LogSettings(log_level="LOUD"))
    finally:
        root.handlers[:], _ = before
        root.setLevel(before[1])


def test_ids_are_version_7_and_ascend() -> None:
    ids = [uuid7() for _ in range(2000)]
    assert ids == sorted(set(ids))
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}


class Product:
    """Something large."""


def test_the_cache_serves_until_it_is_freshened() -> None:
    cache, reads = Cache(max_age=60), iter(range(10))
    assert cache.get("k", lambda: next(reads)) == cache.get("k", lambda: next(reads)) == 0
    cache.freshen()
    assert cache.get("k", lambda: next(reads)) == 1
    assert Cache(max_age=0).get("k", lambda: next(reads)) == 2


def test_the_cache_lets_go_of_what_it_does_not_serve_any_more() -> None:
    cache = Cache(max_age=60, size=2)
    kept = [weakref.ref(cache.get(number, Product)) for number in range(3)]
    assert [ref() is not None for ref in kept] == [False, True, True], "the oldest makes room"
    cache.freshen()
    cache.get("another", Product)
    assert [ref() for ref in kept] == [None] * 3


@pytest.mark.parametrize("text", ["", "x", "shop.purchases", "shop.purchases-1", "other-1-2", "shop.purchases-a-1",
                                  "shop.purchases-1--2", "shop.purchases-1-" + "9" * 40, "shop.purchases-01-2",
                                  "shop.purchases-1-02", "shop.purchases-1-2\n", "shop.purchases-1-٢"])  # fmt: skip
def test_a_receipt_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Receipt.parse(text, ["shop.purchases"])


def test_a_receipt_names_its_place() -> None:
    assert Receipt.parse("shop.purchases-11-1024", ["shop.purchases"]) == ("shop.purchases", 11, 1024)
    assert str(Receipt.of("shop.purchases-11-0")) == "shop.purchases-11-0"
    assert "=" not in encode_cursor("0" * 18 + "-id")


class KnownPositions:
    """What `PartitionPositions` writes, kept in a list."""

    def __init__(self) -> None:
        self.puts: list[Position] = []

        self.counted: list[EventCounts] = []

    def put(self, tp: TopicPartition, position: Position, counts: EventCounts) -> None:
        self.puts.append(position)
        self.counted.append(counts)

    def put_behind_gap(self, tp: TopicPartition, position: Position, gone: int) -> None:
        self.put(tp, position, EventCounts(gone=gone))


@pytest.mark.parametrize(
    ("stored", "first", "end", "expected", "counted"),
    [
        (Position(5, "id"), 0, 9, 5, []),
        (None, 0, 9, 0, [EventCounts()]),
        (Position(5, "old"), 0, 9, 0, [EventCounts()]),
        (Position(5, "id"), 7, 9, 7, [EventCounts(gone=2)]),
        (Position(12, "id"), 0, 9, 9, [EventCounts(moved=9)]),
        (None, 3, 9, 3, [EventCounts(gone=3)]),
    ],
    ids=["as stored", "first time", "topic made anew", "retention passed", "log lost its tail", "start is gone"],
)
def test_where_a_partition_is_read_from(
    stored: Position | None,
    first: int,
    end: int,
    expected: int,
    counted: list[EventCounts],
    caplog: pytest.LogCaptureFixture,
) -> None:
    partitions = PartitionPositions.__new__(PartitionPositions)
    partitions.positions = known = KnownPositions()  # type: ignore[assignment]
    partitions.topic_id = "id"
    at = partitions._start((DOMAINS["purchases"].topic, 0), stored, first, end)
    assert at == Position(expected, "id")
    assert (known.puts, known.counted) == ([at] * len(counted), counted)
    gap = expected != 0 and stored != at
    assert ("log_gap" in caplog.text) == gap


def test_a_letter_is_mended_field_by_field() -> None:
    assert json.loads(mended(b'{"price":"x","userid":"u"}', {"price": "5"}) or b"") == {"price": "5", "userid": "u"}
    assert json.loads(mended(b"\xff", {"price": "5"}) or b"") == {"price": "5"}
    assert mended(b"\xff", {}) == b"\xff"


@pytest.mark.parametrize(
    ("struct", "change", "value"),
    [
        (ReviewAdded, "rating=5", 5),
        (ReviewAdded, "text=5", "5"),
        (ReviewUpdated, "rating=5", 5),
        (ProductCreated, "price=5", "5"),
        (ProductCreated, 'tags=["lamp"]', ["lamp"]),
        (InteractionRecorded, "timestamp=1700000000000", 1700000000000),
        (InteractionRecorded, "kind=click", "click"),
        (CampaignCreated, "start_date=2027-01-01", "2027-01-01"),
        (ReviewAdded, "unknown=5", "5"),
        (None, "rating=5", "5"),
    ],
)
def test_a_mended_field_has_the_type_that_the_event_has_there(struct: Any, change: str, value: Any) -> None:
    assert changes_of([change], struct) == {change.partition("=")[0]: value}


def test_what_cannot_be_mended_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="takes no text"):
        changes_of(["rating=five"], ReviewAdded)
    with pytest.raises(ConfigError):
        changes_of(["price"], None)
