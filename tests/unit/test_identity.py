"""What commands are known by: whose a key is, what names itself by its content, and what is told at once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core.http import worker_memory
from shop_core.responses.commands import Earlier, EarlierAsked
from shop_core.testing import MemoryPublisher

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
PURCHASE = {"username": "x", "userid": "mara-1", "price": "1.50"}
REVIEW = {"userid": "mara-1", "rating": 5, "text": "good", "displayName": "M"}
AT = "2026-11-26T09:00:00Z"


class ReadSide(QueryClient):
    """cm-api as far as it is asked about keys: what it has stored, what it refused, and how often it was asked."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.stored: dict[str, str] = {}
        self.refused: list[str] = []
        self.missing: list[str] = []
        self.away = False
        self.asked = 0

    def ask(self, path: str, body: bytes | None, seconds: float) -> bytes | None:
        self.asked += 1
        if self.away:
            return None
        if body is None:
            return msgspec.json.encode({"missing": path.split("/")[3] in self.missing})
        wanted = msgspec.json.decode(body, type=EarlierAsked)
        digests = {id: self.stored[id] for id in wanted.ids if id in self.stored}
        return msgspec.json.encode(Earlier(digests, [each for each in wanted.receipts if each in self.refused]))


class Door:
    """One worker of cm-server over a log and a read side in memory."""

    def __init__(self, deduplicate: bool = True, log: MemoryPublisher | None = None) -> None:
        self.log = log or MemoryPublisher()
        self.read_side = ReadSide()
        context = Context(self.log, self.read_side, lambda: NOW, deduplicate)
        self.client: FlaskClient = build(context, ServerSettings()).test_client()

    def send(self, method: str, path: str, body: Any = None, key: str | None = "k", **headers: str) -> Any:
        sent = headers | ({} if key is None else {"Idempotency-Key": key})
        data = None if body is None else json.dumps(body)
        return self.client.open(PREFIX + path, method=method, data=data, headers=sent, content_type="application/json")

    def id(self, method: str, path: str, body: Any = None, key: str | None = "k") -> str:
        """The id of the event that the command became."""
        answer = self.send(method, path, body, key)
        assert answer.status_code < 300, answer.text
        return self.ids()[-1]

    def ids(self) -> list[str]:
        return [(dict(message.headers)["ce_id"] or b"").decode() for message in self.log.log]


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/buy", PURCHASE | {"userid": "USER"}),
        ("POST", "/v1/purchases", PURCHASE | {"userid": "USER"}),
        ("POST", "/v1/purchases:batch", [PURCHASE | {"userid": "USER"}]),
        ("POST", "/v1/products/p/reviews", REVIEW | {"userid": "USER"}),
        ("PUT", "/v1/products/p/reviews/r", REVIEW | {"userid": "USER"}),
        ("DELETE", "/v1/products/p/reviews/r?userid=USER", None),
        ("POST", "/analytics?timestamp=1790000000000&user=USER&click", None),
        ("POST", "/analytics:batch", [{"user": "USER", "kind": "click", "timestamp": 1790000000000}]),
        ("DELETE", "/v1/users/USER", None),
    ],
)
def test_where_nobody_is_asked_a_key_is_its_users_own(door: Door, method: str, path: str, body: Any) -> None:
    def id_for(user: str) -> str:
        return door.id(method, path.replace("USER", user), json.loads(json.dumps(body).replace("USER", user)))

    assert id_for("mara-1") == id_for("mara-1") != id_for("otto-2")
    assert id_for("otto-2") == id_for("otto-2")


def test_a_resource_has_keys_of_its_own(door: Door) -> None:
    campaign = {"name": "c", "startDate": "2027-01-01T00:00:00Z", "endDate": "2027-01-02T00:00:00Z"}
    event = campaign | {"campaignEventId": "c-1"}
    product = {"name": "p", "price": "1"}
    commands = [
        ("POST", "/v1/products", product),
        ("PUT", "/v1/products/p-1", product),
        ("PUT", "/v1/products/p-2", product),
        ("POST", "/campaign-events/", campaign),
        ("PATCH", "/campaign-events/c-1", {"name": "n"}),
        ("DELETE", "/campaign-events/c-2", None),
        ("POST", "/events/", event),
        ("DELETE", "/events/c-1.e-1", None),
    ]
    ids = [door.id(*each) for each in commands]
    assert len(set(ids)) == len(commands) and ids == [door.id(*each) for each in commands]
    assert door.id("POST", "/campaign-events", campaign) == ids[3], "with or without a slash at the end"
    assert door.send("PATCH", "/v1/products/p-1", {"price": "1"}).status_code == 409, "another command to one product"


def test_a_purchase_that_names_its_moment_is_known_by_what_it_says(door: Door) -> None:
    same = [
        PURCHASE | {"timestamp": AT},
        PURCHASE | {"timestamp": "2026-11-26T10:00:00+01:00"},
        PURCHASE | {"timestamp": "2026-11-26T09:00:00.000"},
        PURCHASE | {"timestamp": AT, "price": 1.5},
    ]
    first = [door.id("POST", path, each, key=None) for path in ("/buy", "/v1/purchases") for each in same]
    assert len(set(first)) == 1
    digests = {dict(message.headers)["ce_digest"] for message in door.log.log}
    assert len(digests) == 1, "the consumer takes it for the same"
    others = [
        PURCHASE | {"timestamp": AT} | change
        for change in (
            {"userid": "otto-2"}, {"username": "y"}, {"price": "1.51"}, {"productid": "p"},
            {"timestamp": "2026-11-26T09:00:00.001Z"},
        )
    ]  # fmt: skip
    assert len({first[0], *(door.id("POST", "/buy", each, key=None) for each in others)}) == len(others) + 1
    batch = [same[0], same[1], others[0], PURCHASE, PURCHASE]
    answer = door.send("POST", "/v1/purchases:batch", batch, key=None).json
    ids = [line["id"] for line in answer["results"]]
    assert answer["accepted"] == 5 and ids[0] == ids[1] == first[0] and len(set(ids)) == 4


def test_without_a_moment_each_is_its_own(door: Door) -> None:
    """Also where the clock stands still, as it does here."""
    assert len({door.id("POST", "/buy", PURCHASE, key=None) for _ in range(3)}) == 3
    assert door.read_side.asked == 0
    off = Door(deduplicate=False)
    assert len({off.id("POST", "/buy", PURCHASE | {"timestamp": AT}, key=None) for _ in range(3)}) == 3
    assert "ce_digest" not in dict(off.log.log[0].headers)
    review = "/v1/products/p/reviews", REVIEW | {"timestamp": AT}
    assert len({off.id("POST", *review, key=None) for _ in range(2)}) == 2


def test_a_key_goes_before_the_content(door: Door) -> None:
    dated = PURCHASE | {"timestamp": AT}
    assert len({door.id("POST", "/buy", dated, key) for key in ("a", "b", None)}) == 3


def test_a_review_that_names_its_moment_is_known_by_what_it_says(door: Door) -> None:
    path, dated = "/v1/products/p/reviews", REVIEW | {"timestamp": AT}
    first, again = (door.send("POST", path, dated, key=None).json["id"] for _ in range(2))
    assert first == again != door.send("POST", path, dated | {"text": "bad"}, key=None).json["id"]
    assert len({door.send("POST", path, REVIEW, key=None).json["id"] for _ in range(2)}) == 2


def test_a_key_used_for_another_command_is_told_at_once(door: Door) -> None:
    first = door.send("POST", "/buy", PURCHASE)
    assert door.send("POST", "/buy", PURCHASE).status_code == 200
    for path in ("/buy", "/v1/purchases"):
        refused = door.send("POST", path, PURCHASE | {"price": "2"})
        assert (refused.status_code, refused.json["field"]) == (409, "Idempotency-Key")
        assert refused.json["id"] == first.json["id"]
    assert len(door.log.log) == 2, "nothing of it was published"
    click = "/analytics?timestamp=1790000000000&user=u&"
    assert [door.send("POST", click + kind).status_code for kind in ("click", "impression")] == [204, 409]
    products = [{"name": "p", "price": price} for price in ("1", "2")]
    assert [door.send("POST", "/v1/products", each).status_code for each in products] == [202, 409]


def test_a_line_of_a_batch_is_told_for_itself(door: Door) -> None:
    lines = [PURCHASE, PURCHASE | {"userid": "otto-2"}]
    assert door.send("POST", "/v1/purchases:batch", lines).json["accepted"] == 2
    answer = door.send("POST", "/v1/purchases:batch", [lines[0], lines[1] | {"price": "9"}]).json
    assert (answer["accepted"], answer["failed"]) == (1, 1)
    assert [(line["status"], line.get("field")) for line in answer["results"]] == [
        (202, None),
        (409, "Idempotency-Key"),
    ]
    assert len(door.log.log) == 3


def test_what_the_read_side_knows_is_asked_for_once(door: Door) -> None:
    id = door.send("POST", "/buy", PURCHASE).json["id"]
    later = Door()  # a pod that never saw it
    later.read_side.stored[id] = "0" * 32
    assert later.send("POST", "/buy", PURCHASE).status_code == 409
    later.read_side.stored[id] = (dict(door.log.log[0].headers)["ce_digest"] or b"").decode()
    assert [later.send("POST", "/buy", PURCHASE).status_code for _ in range(5)] == [200] * 5
    assert later.read_side.asked == 2, "what was sent here is known here"


def test_commands_go_on_without_the_read_side(door: Door) -> None:
    door.read_side.away = True
    for number in range(20):
        assert door.send("POST", "/buy", PURCHASE, key=f"k{number}").status_code == 200
    assert door.read_side.asked == 1, "it is left alone for a while"
    assert door.send("POST", "/buy", PURCHASE | {"price": "2"}, key="k3").status_code == 409, "known here"


def test_a_key_whose_command_was_refused_is_free(door: Door) -> None:
    receipt = door.send("POST", "/v1/purchases", PURCHASE).json["receipt"]
    door.read_side.refused.append(receipt)
    assert door.send("POST", "/v1/purchases", PURCHASE | {"price": "2"}).status_code == 202
    assert door.send("POST", "/v1/purchases", PURCHASE).status_code == 409, "now it is the other one's"


def test_a_command_that_kafka_did_not_take_leaves_its_key_free(door: Door) -> None:
    door.log.away = True
    assert door.send("POST", "/buy", PURCHASE).status_code == 503
    door.log.away = False
    assert door.send("POST", "/buy", PURCHASE | {"price": "2"}).status_code == 200


def test_who_waits_is_told_by_the_consumer_or_after_a_second(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[float] = []

    def state(receipt: str, wait: float) -> dict[str, Any]:
        states.append(wait)
        return {"state": "accepted"}

    monkeypatch.setattr(door.read_side, "state", state)
    assert door.send("POST", "/v1/purchases", PURCHASE, Prefer="wait=9").status_code == 202
    refused = door.send("POST", "/v1/purchases", PURCHASE | {"price": "2"}, Prefer="wait=9")
    assert (refused.status_code, refused.json["receipt"]) == (409, door.log.log[-1].receipt)
    assert states == [9, 1] and door.read_side.asked == 0
    assert door.send("POST", "/v1/purchases", PURCHASE).status_code == 202, "the first one's key stays its own"


def test_a_review_of_what_is_known_not_to_be_there_is_refused(door: Door) -> None:
    door.read_side.missing.append("nowhere")
    refused = door.send("POST", "/v1/products/nowhere/reviews", REVIEW, key=None)
    assert (refused.status_code, refused.json["field"]) == (422, "id") and not door.log.log
    assert door.send("POST", "/v1/products/p/reviews", REVIEW, key=None).status_code == 202
    door.read_side.away = True
    assert door.send("POST", "/v1/products/nowhere/reviews", REVIEW, key=None).status_code == 202


@pytest.fixture
def shared_memory() -> Iterator[None]:
    worker_memory.reserve()
    yield
    worker_memory._reserved = None


@pytest.mark.usefixtures("shared_memory")
def test_the_workers_of_a_pod_know_of_each_other() -> None:
    log = MemoryPublisher()
    one, other = Door(log=log), Door(log=log)
    one.send("POST", "/buy", PURCHASE)
    other.read_side.away = True
    assert other.send("POST", "/buy", PURCHASE | {"price": "2"}).status_code == 409
    assert other.send("POST", "/buy", PURCHASE).status_code == 200


def test_a_record_half_written_reads_as_none() -> None:
    memory = worker_memory.WorkerMemory(8)
    key = uuid.uuid4().bytes
    assert memory.get(key) is None
    memory.put(key, b"12345678")
    assert memory.get(key) == b"12345678"
    at = memory._place(key) + worker_memory.KEY_BYTES
    memory._memory[at : at + 1] = b"9"
    assert memory.get(key) is None
    memory.put(key, b"12345678")
    memory.drop(key)
    assert memory.get(key) is None
