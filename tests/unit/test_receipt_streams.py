"""Who listens to receipts: all are asked about at once, each is told once, and their number and time are bounded."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.query_proxy.receipt_streams import BEAT, MOST, MOST_SECONDS, PAUSES, ReceiptStreams, event
from cm_server.settings import ServerSettings
from shop_core.http.worker.streams import Stream
from shop_core.testing import MemoryPublisher

JSON = {"Content-Type": "application/json"}


def state(receipt: str, name: str = "accepted") -> dict[str, Any]:
    return {"receipt": receipt, "state": name, "reason": None, "status": 202 if name == "accepted" else 200}


@dataclass
class Answers:
    """cm-api: `settled` are the receipts that are stored, and `asked` is what it was asked."""

    settled: set[str] = field(default_factory=set)
    asked: list[list[str]] = field(default_factory=list)
    away: bool = False

    def states(self, receipts: Sequence[str]) -> list[dict[str, Any]] | None:
        self.asked.append(list(receipts))
        return (
            None if self.away else [state(each, "stored" if each in self.settled else "accepted") for each in receipts]
        )


class Listening:
    """Streams of receipts whose clock and whose looks are the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(threading.Thread, "start", lambda self: None)
        self.now = 100.0
        self.api = Answers()
        self.streams = ReceiptStreams(self.api, clock=lambda: self.now)
        self.heard: dict[str, bytes] = {}

    def begin(self, receipt: str, who: str = "ada") -> Stream | None:
        made: list[Stream] = []

        def start(seconds: float) -> Stream:
            made.append(Stream(seconds, lambda stream: None))
            return made[0]

        return made[0] if self.streams.listen(receipt, who, start) else None

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.streams.look()


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    return Listening(monkeypatch)


def told(stream: Stream | None) -> tuple[bytes, bool]:
    """What was sent to it until now, and whether that was all."""
    assert stream is not None
    stream.conn = stream.conn or SimpleNamespace(sock=SimpleNamespace(waiting=bytearray()))  # type: ignore[assignment]
    waiting = stream.conn.sock.waiting  # type: ignore[union-attr]
    stream.conn.sock.sendall = waiting.extend  # type: ignore[union-attr, method-assign]
    over = stream.pour()
    return bytes(waiting), over


def test_all_are_asked_about_at_once_and_each_is_told_when_it_is_settled(listening: Listening) -> None:
    streams = [listening.begin(f"t-0-{number}") for number in range(50)]
    listening.after(PAUSES[0])
    assert [len(asked) for asked in listening.api.asked] == [50]
    assert told(streams[7]) == (b"", False), "nothing has changed, so nothing is said"
    listening.api.settled.add("t-0-7")
    listening.after(1)
    assert told(streams[7]) == (event(state("t-0-7", "stored")), True)
    assert told(streams[8]) == (b"", False)
    listening.after(1)
    assert len(listening.api.asked[-1]) == 49, "who has been told is not asked about again"


def test_one_who_waits_for_long_is_asked_about_ever_less_often(listening: Listening) -> None:
    listening.begin("t-0-1")
    for _ in range(1000):
        listening.after(0.01)
    assert 30 < len(listening.api.asked) < 45


def test_a_stream_ends_unsettled_after_its_time_and_is_kept_warm_until_then(listening: Listening) -> None:
    stream = listening.begin("t-0-1")
    for _ in range(int(MOST_SECONDS) - 1):
        listening.after(1)
    assert told(stream) == (BEAT * 5, False)
    listening.after(2)
    assert told(stream) == (BEAT * 5, True)


def test_a_client_that_left_is_forgotten(listening: Listening) -> None:
    gone, here = listening.begin("t-0-1"), listening.begin("t-0-2")
    assert gone is not None and here is not None
    gone.gone = True
    listening.after(1)
    assert listening.api.asked == [["t-0-2"]]


def test_without_an_answer_a_stream_ends_at_the_third_time_and_one_answer_in_between_is_enough(
    listening: Listening,
) -> None:
    stream = listening.begin("t-0-1")
    for away in (True, True, False, True, True):
        listening.api.away = away
        listening.after(2)
    assert told(stream) == (BEAT, False)
    listening.after(2)
    assert told(stream)[1]


def test_one_caller_gets_half_of_the_places_and_they_are_given_back(listening: Listening) -> None:
    given = [stream for number in range(MOST) if (stream := listening.begin(f"t-0-{number}"))]
    assert len(given) == MOST // 2
    assert listening.begin("t-1-1", "bob") is not None
    for stream in given:
        stream.gone = True
    listening.after(1)
    assert listening.begin("t-0-0") is not None


class Api(QueryClient):
    """A cm-api that knows one receipt in each state."""

    def get(self, path: str, *_: Any, **__: Any) -> Any:
        name = path.rpartition("/")[2]
        if name not in ("accepted", "stored", "rejected"):
            problem = {"Content-Type": "application/problem+json"}
            return SimpleNamespace(status=404, data=b'{"field":"receipt"}', headers=problem)
        return SimpleNamespace(status=200, data=json.dumps(state(name, name)).encode(), headers=JSON)


@pytest.fixture
def door() -> FlaskClient:
    return build(Context(MemoryPublisher(), Api("http://127.0.0.1:1")), ServerSettings()).test_client()


@pytest.mark.parametrize("name", ["accepted", "stored", "rejected"])
def test_the_first_event_tells_the_state_and_when_to_come_again(door: FlaskClient, name: str) -> None:
    answer = door.get(f"{PREFIX}/v1/receipts/{name}", headers={"Accept": "text/event-stream"})
    retry, id, data, *rest = answer.text.split("\n")
    assert (retry, id, rest) == ("retry: 2000", f"id: {name}", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == state(name, name)
    assert answer.content_type == "text/event-stream; charset=utf-8"
    assert answer.headers["X-Accel-Buffering"] == "no" and "no-transform" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(("last", "status"), [("stored", 204), ("rejected", 204), ("accepted", 200), ("x", 200)])
def test_who_has_heard_the_last_state_is_told_to_come_no_more(door: FlaskClient, last: str, status: int) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": last}
    assert door.get(f"{PREFIX}/v1/receipts/accepted", headers=headers).status_code == status


def test_a_receipt_that_there_is_not_is_a_problem_and_so_is_an_argument(door: FlaskClient) -> None:
    headers = {"Accept": "text/event-stream"}
    unknown = door.get(f"{PREFIX}/v1/receipts/unknown", headers=headers)
    assert (unknown.status_code, unknown.content_type) == (404, "application/problem+json")
    asked = door.get(f"{PREFIX}/v1/receipts/accepted?wait=3", headers=headers)
    assert (asked.status_code, asked.get_json()["field"]) == (400, "wait")


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/event-stream;q=0.9"])
def test_json_is_what_is_answered_unless_events_are_asked_for(door: FlaskClient, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    assert door.get(f"{PREFIX}/v1/receipts/stored", headers=headers).get_json()["state"] == "stored"
