"""`shopctl dlq` on a real platform: every domain, what is refused before it is sent, and letters of any bytes."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from shop_core.events.envelope import Record
from shop_core.kafka.publisher import KafkaPublisher

if TYPE_CHECKING:
    from tests.conftest import Platform

TOPIC = "shop.purchases"
JSON = {"Content-Type": "application/json", "Prefer": "wait=10"}
NASTY = "\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\u202e"


def dlq(platform: Platform, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    answer: subprocess.CompletedProcess[str] = platform.shopctl("dlq", *words, **options)
    assert "Traceback" not in answer.stderr, answer.stderr
    return answer


def listed(platform: Platform, *words: str) -> dict[str, dict[str, Any]]:
    rows = [json.loads(row) for row in dlq(platform, "list", "--json", *words).stdout.splitlines()]
    return {row["receipt"]: row for row in rows}


@pytest.fixture
def second_review(platform: Platform, until: Callable[..., None]) -> str:
    """The receipt of a review that only the consumer could refuse: its author has said something already."""
    user = f"dlq-{uuid.uuid4().hex[:8]}"
    product = json.dumps({"name": "lamp", "price": "5"})
    id = platform.request("POST", "/v1/products", body=product, headers=JSON).json()["id"]
    review = json.dumps({"userid": user, "rating": 4, "text": "said", "displayName": "Ada"})
    for status in (201, 409):
        answer = platform.request("POST", f"/v1/products/{id}/reviews", body=review, headers=JSON)
        assert answer.status == status, answer.data
    receipt = str(answer.json()["receipt"])
    until(lambda: receipt in listed(platform), "the letter is listed, whatever its domain", 30)
    return receipt


@pytest.fixture
def bad_price(platform: Platform, publisher: KafkaPublisher, until: Callable[..., None]) -> str:
    """The receipt of a purchase that can be mended."""
    id = f"dlq-{uuid.uuid4().hex[:8]}"
    data = {"username": id, "userid": id, "price": "-1", "timestamp": "2026-02-03T04:05:06Z"}
    attributes = {"id": id, "type": "shop.purchase.made.v1", "source": "/t", "specversion": "1.0"}
    headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    headers.append(("ce_time", b"2026-02-03T04:05:06Z"))
    receipt = publisher.publish([Record(TOPIC, id.encode(), json.dumps(data).encode(), tuple(headers))])[0]
    until(lambda: receipt in listed(platform), "the letter is listed", 30)
    return receipt


def test_every_domain_is_listed_and_a_receipt_says_which(platform: Platform, second_review: str) -> None:
    assert listed(platform)[second_review]["domain"] == "catalog"
    assert second_review not in listed(platform, "--domain", "purchases")
    table = dlq(platform, "list").stdout.splitlines()
    assert table[0].split("\t") == ["RECEIPT", "TIME", "TYPE", "KEY", "COUNT", "REASON"]
    assert any(row.startswith(second_review + "\t") for row in table)
    assert dlq(platform, "show", second_review).returncode == 0
    other = dlq(platform, "show", second_review, "--domain", "purchases")
    assert other.returncode == 1 and "No such dead letter" in other.stderr
    assert dlq(platform, "discard", second_review).returncode == 0
    assert second_review not in listed(platform)


def test_an_empty_list_says_which_domains_are_empty(platform: Platform) -> None:
    assert dlq(platform, "discard", "--all", "--domain", "campaigns").returncode == 0
    answer = dlq(platform, "list", "--domain", "campaigns")
    assert (answer.returncode, answer.stdout) == (0, "")
    assert "no dead letters in campaigns" in answer.stderr and platform.bootstrap in answer.stderr


def test_what_the_schema_refuses_is_not_sent(platform: Platform, bad_price: str) -> None:
    ends = platform.positions()
    for change, words in (("nosuch=5", "nosuch: is not a known field"), ("price=-2", "price: ")):
        answer = dlq(platform, "redrive", bad_price, "--set", "price=2", "--set", change)
        assert answer.returncode == 1 and words in answer.stderr, answer
    assert bad_price in listed(platform) and platform.positions() == ends


def test_a_letter_is_resolved_only_when_its_successor_is_stored(
    platform: Platform, second_review: str, bad_price: str
) -> None:
    refused = dlq(platform, "redrive", second_review)
    assert refused.returncode == 3 and "rejected: " in refused.stdout, refused
    assert second_review in listed(platform)
    tried = dlq(platform, "redrive", bad_price, "--set", "price=2", "--dry-run")
    assert tried.returncode == 0 and "would be redriven" in tried.stdout and bad_price in listed(platform)
    stored = dlq(platform, "redrive", bad_price, "--set", "price=2")
    assert stored.returncode == 0 and "stored" in stored.stdout, stored
    assert bad_price not in listed(platform)


def test_all_of_every_domain_needs_a_yes(platform: Platform, bad_price: str) -> None:
    for verb in ("redrive", "discard"):
        answer = dlq(platform, verb, "--all")
        assert answer.returncode == 1 and "--domain or --yes" in answer.stderr
        assert bad_price in answer.stderr, "a preview"
        assert dlq(platform, verb, "--all", "--yes", "--dry-run").returncode in (0, 1)
    assert bad_price in listed(platform)
    assert dlq(platform, "discard", "--all", "--yes").returncode == 0
    assert listed(platform) == {}


def test_a_state_directory_names_the_platform(platform: Platform, bad_price: str) -> None:
    nowhere = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "MONGODB_URI": "mongodb://127.0.0.1:9"}
    place = ("--state-dir", str(platform.state_dir))
    answer = dlq(platform, "list", *place, **nowhere)
    assert bad_price in answer.stdout and platform.bootstrap in answer.stderr, answer
    for words in (("seed", "--products", "1", "--reviews", "0"), ("verify", "ratings"), ("rebuild", "catalog")):
        extra = ("--check",) if words[0] == "rebuild" else ()
        answer = platform.shopctl(*words, *extra, *place, **nowhere)
        assert answer.returncode == 0 and platform.bootstrap in answer.stderr, answer
    answer = dlq(platform, "list", "--state-dir", str(platform.state_dir / "none"))
    assert answer.returncode == 1 and "No platform runs in" in answer.stderr


ODD = {
    "control sequences": Record(TOPIC, NASTY.encode(), json.dumps({NASTY: NASTY}).encode(), ((NASTY, NASTY.encode()),)),
    "bytes": Record(TOPIC, b"\xff", b"\xff\x00", (("x", b"\xff"), ("null", None), ("", b""))),
    "half a pair": Record(TOPIC, b"k", b'{"username":"\\ud800"}', ()),
    "tombstone": Record(TOPIC, b"k", None, (("dlq_reason", None),)),
    "large": Record(TOPIC, b"k" * 10_000, b'{"a":"' + b"x" * 900_000 + b'"}', (("long", b"v" * 50_000),)),
    "deep": Record(TOPIC, b"k", b"[" * 100_000, ()),
}


def test_no_letter_ends_a_command_or_reaches_the_terminal(platform: Platform, publisher: KafkaPublisher) -> None:
    letters = [Record(f"{TOPIC}.dlq", odd.key, odd.value, odd.headers) for odd in ODD.values()]
    sources = publisher.publish(letters)
    assert set(sources) <= listed(platform).keys()
    everything = [("list",), *(("show", source) for source in sources)]
    for words in (*everything, ("redrive", "--all", "--yes", "--domain", "purchases", "--set", "price=5")):
        told = on_a_terminal(platform, *words).decode()
        strange = {each for each in told if not each.isprintable()} - {"\n", "\r", "\t"}
        assert not strange, (words, strange)
    answer = dlq(platform, "redrive", sources[0], "--set", "price=5")
    assert answer.returncode == 1 and len(answer.stderr.splitlines()) == 2, "the platform, and one sentence"
    assert dlq(platform, "discard", "--all", "--domain", "purchases").returncode == 0
    assert listed(platform, "--domain", "purchases") == {}


def on_a_terminal(platform: Platform, *words: str) -> bytes:
    """What a person would get."""
    ours, theirs = pty.openpty()
    command = [platform.tool("shopctl"), "dlq", *words]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=platform.environment)
    os.close(theirs)
    told = b""
    try:
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    told += os.read(ours, 65536)
                except OSError:  # the last writer is gone
                    break
    finally:
        os.close(ours)
    assert process.wait(10) in (0, 1) and b"Traceback" not in told
    return told
