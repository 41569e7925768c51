"""Messages that can't be applied: each goes to the DLQ once with reason and source, and holds nothing else up."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from shop_core.events.envelope import OUR_SOURCE, Record
from shop_core.kafka.publisher import KafkaPublisher

if TYPE_CHECKING:
    from tests.conftest import Platform

TOPIC = "shop.purchases"
MADE = "shop.purchase.made.v1"


def value_of(user: str, **changes: Any) -> bytes:
    data = {"username": user, "userid": user, "price": "2.50", "timestamp": "2026-02-03T04:05:06Z"} | changes
    return json.dumps({name: value for name, value in data.items() if value is not ...}).encode()


def headers_of(id: str, **changes: str | None) -> tuple[tuple[str, bytes], ...]:
    named: dict[str, str | None] = {
        "ce_id": id,
        "ce_type": MADE,
        "ce_source": OUR_SOURCE,
        "ce_specversion": "1.0",
        "ce_time": "2026-02-03T04:05:06Z",
    }
    return tuple((name, text.encode()) for name, text in (named | changes).items() if text is not None)


@dataclass(frozen=True)
class Poison:
    """One kind: what the record holds, and the word that its reason must have."""

    name: str
    value: bytes | None
    reason: str
    headers: tuple[tuple[str, str | None], ...] = ()


def kinds(user: str) -> list[Poison]:
    return [
        Poison("bad JSON", b'{"username": "x"', "JSON"),
        Poison("bad UTF-8", value_of(user).replace(b"2.50", b"\xff\xfe"), "utf-8"),
        Poison("no value", None, "value"),
        Poison("no bytes", b"", "JSON"),
        Poison("a megabyte", value_of(user, username="m" * 1_000_000), "username"),
        Poison("an array", b"[1, 2]", "object"),
        Poison("wrong type", value_of(user, price=2.5), "price"),
        Poison("unknown field", value_of(user, colour="red"), "colour"),
        Poison("a $ key", value_of(user, **{"$where": "1"}), "$where"),
        Poison("NaN", value_of(user).replace(b'"2.50"', b"NaN"), "JSON"),
        Poison("negative price", value_of(user, price="-1"), "price"),
        Poison("field missing", value_of(user, timestamp=...), "timestamp"),
        Poison("name too long", value_of("n" * 129), "username"),
        Poison("control character", value_of("a\x00b"), "username"),
        Poison("half a character", value_of(user, username="a\ud800"), "username"),
        Poison("bidirectional control", value_of(user, username="a\u202eb"), "username"),
        Poison("several faults", value_of(user, username="", price="x"), "price"),
        Poison("a moment far ahead", value_of(user, timestamp="2999-01-01T00:00:00Z"), "timestamp"),
        Poison("an offset with seconds", value_of(user, timestamp="2026-02-03T04:05:06+05:30:15"), "timestamp"),
        Poison("a week date", value_of(user, timestamp="2026-W06-2"), "timestamp"),
        Poison("deep nesting", b'{"username":' + b"[" * 5000, "username"),
        Poison("unknown version", value_of(user), "ce_specversion", (("ce_specversion", "2.0"),)),
        Poison("unknown type", value_of(user), "ce_type", (("ce_type", "shop.purchase.made.v9"),)),
        Poison("no headers", value_of(user), "ce_", tuple((h, None) for h, _ in headers_of("x"))),
        Poison("time that is none", value_of(user), "ce_time", (("ce_time", "yesterday"),)),
        Poison("id that is none", value_of(user), "ce_id", (("ce_id", ""),)),
    ]


def letters_of(platform: Platform) -> list[Any]:
    """The letters that a consumer wrote: other tests leave strangers' there."""
    return [letter for letter in platform.letters() if "dlq_topic" in dict(letter.headers)]


def source_of(letter: Any) -> str:
    named = {name: value.decode() for name, value in letter.headers if name.startswith("dlq_")}
    return f"{named['dlq_topic']}-{named['dlq_partition']}-{named['dlq_offset']}"


def send(publisher: KafkaPublisher, user: str, value: bytes | None, id: str, **changes: str | None) -> str:
    return publisher.publish([Record(TOPIC, user.encode(), value, headers_of(id, **changes))])[0]


def state(platform: Platform, receipt: str) -> dict[str, Any]:
    told: dict[str, Any] = platform.request("GET", f"/v1/receipts/{receipt}?wait=10").json()
    return told


@pytest.fixture
def user() -> str:
    return f"poison-{uuid.uuid4().hex[:10]}"


def test_each_kind_of_poison_goes_to_the_dlq_once_and_the_rest_is_stored(
    platform: Platform, publisher: KafkaPublisher, until: Callable[..., None], user: str
) -> None:
    receipts: dict[str, Poison] = {}
    good = [send(publisher, user, value_of(user, price="0.01"), f"{user}-good-first")]
    for number, poison in enumerate(kinds(user)):
        receipts[send(publisher, user, poison.value, f"{user}-bad-{number}", **dict(poison.headers))] = poison
        good.append(send(publisher, user, value_of(user, price=f"{number}.00"), f"{user}-good-{number}"))
    assert len(receipts) >= 10
    for receipt in good:
        assert state(platform, receipt)["state"] == "stored"
    for receipt, poison in receipts.items():
        told = state(platform, receipt)
        assert told["state"] == "rejected", poison.name
        assert poison.reason in told["reason"], poison.name
    stored = [doc["_id"] for doc in platform.db["purchases"].find({"userid": user})]
    assert sorted(stored) == sorted([f"{user}-good-first", *(f"{user}-good-{n}" for n in range(len(receipts)))])
    assert platform.document("users", user)["count"] == len(good)

    until(lambda: {source_of(letter) for letter in letters_of(platform)} >= receipts.keys(), "every letter is there")
    letters = [letter for letter in letters_of(platform) if source_of(letter) in receipts]
    assert set(Counter(source_of(letter) for letter in letters).values()) == {1}
    for letter in letters:
        poison = receipts[source_of(letter)]
        named = {name: value.decode() for name, value in letter.headers}
        assert (letter.key, letter.value) == (user.encode(), poison.value), poison.name
        assert poison.reason in named["dlq_reason"], poison.name
        assert named["dlq_time"]


def test_a_letter_is_listed_shown_mended_and_sent_again_under_its_id(
    platform: Platform, publisher: KafkaPublisher, until: Callable[..., None], user: str
) -> None:
    bad = send(publisher, user, value_of(user, price="-7"), f"{user}-mend")
    until(lambda: bad in platform.shopctl("dlq", "list").stdout, "the letter is listed")
    (line,) = [row for row in platform.shopctl("dlq", "list").stdout.splitlines() if row.startswith(bad + "\t")]
    assert "price" in line

    shown = platform.shopctl("dlq", "show", bad)
    assert shown.returncode == 0, shown
    for words in (bad, user, f"ce_id = {user}-mend", '"price": "-7"', "price: "):
        assert words in shown.stdout, shown.stdout

    sent = platform.shopctl("dlq", "redrive", bad, "--set", "price=7.25")
    assert sent.returncode == 0, sent
    again = sent.stdout.split()[-1]
    assert state(platform, again)["state"] == "stored"
    twice = platform.shopctl("dlq", "redrive", bad, "--set", "price=7.25")
    assert twice.returncode == 1 and f"dealt with already: redriven {again}" in twice.stderr, twice
    (doc,) = platform.db["purchases"].find({"userid": user})
    assert (doc["_id"], str(doc["price"])) == (f"{user}-mend", "7.25")
    assert platform.document("users", user)["count"] == 1
    assert bad not in platform.shopctl("dlq", "list").stdout
    every = [json.loads(row) for row in platform.shopctl("dlq", "list", "--all", "--json").stdout.splitlines()]
    (kept,) = [row for row in every if row["receipt"] == bad]
    assert kept["resolution"] == f"redriven {again}"


def test_a_letter_that_is_discarded_leaves_the_list_only(
    platform: Platform, publisher: KafkaPublisher, until: Callable[..., None], user: str
) -> None:
    bad = send(publisher, user, b"not JSON", f"{user}-away")
    until(lambda: bad in platform.shopctl("dlq", "list").stdout, "the letter is listed")
    assert platform.shopctl("dlq", "discard", bad).returncode == 0
    assert bad not in platform.shopctl("dlq", "list").stdout
    assert bad in platform.shopctl("dlq", "list", "--all").stdout
    assert state(platform, bad)["state"] == "rejected"
    assert platform.db["purchases"].count_documents({"userid": user}) == 0


def test_a_letter_that_does_not_exist_is_one_sentence(platform: Platform) -> None:
    answer = platform.shopctl("dlq", "show", "shop.purchases-0-999999999")
    assert answer.returncode != 0
    assert "No such dead letter" in answer.stderr
    assert "Traceback" not in answer.stderr
