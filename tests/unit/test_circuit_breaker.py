"""cm-server toward a cm-api that is away or slow: told at once, probed, asked again; and everybody can see it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from prometheus_client import REGISTRY

from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy import client as query_client
from cm_server.query_proxy.circuit_breaker import FAILURES, PAUSE_SECONDS, STALLED_AFTER, CircuitBreaker, CircuitOpen
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core.errors import Unavailable
from shop_core.testing import MemoryPublisher

WITHIN = 3.5


class Asking:
    """A circuit, and its clock by hand."""

    def __init__(self, most: int = 4) -> None:
        self.now = 100.0
        self.circuit = CircuitBreaker(most, lambda: self.now, "test")

    @property
    def state(self) -> str:
        return self.circuit.state

    def asks(self, seconds: float = 0.1, away: bool = False, waits: bool = False) -> str:
        """What becomes of one request whose answer comes after `seconds`."""
        try:
            with self.circuit.watched(WITHIN + 10 * waits, not waits):
                self.now += seconds
                if away:
                    raise Unavailable("away")
        except CircuitOpen:
            return "not asked"
        except Unavailable:
            return "away"
        return "answered"

    def fails(self, times: int = FAILURES) -> None:
        for _ in range(times):
            assert self.asks(away=True) == "away"


@pytest.fixture
def asking() -> Asking:
    return Asking()


def gauge(name: str = "test") -> float | None:
    return REGISTRY.get_sample_value("shop_circuit_state", {"dependency": name})


def test_failures_in_a_row_open_it_and_others_do_not(asking: Asking) -> None:
    for _ in range(3):
        asking.fails(FAILURES - 1)
        assert asking.asks() == "answered"
    assert (asking.state, gauge()) == ("closed", 0)
    asking.fails()
    assert asking.asks() == "not asked" and asking.asks(waits=True) == "not asked"
    assert (asking.state, gauge()) == ("open", 2)


def test_slow_is_treated_like_away(asking: Asking) -> None:
    for _ in range(FAILURES):
        assert asking.asks(WITHIN + 0.1) == "answered"
    assert asking.asks() == "not asked"


def test_one_probes_and_the_others_are_told_until_it_has_an_answer(asking: Asking) -> None:
    asking.fails()
    with pytest.raises(CircuitOpen) as told:
        asking.circuit.check()
    assert told.value.retry_after == PAUSE_SECONDS
    asking.now += PAUSE_SECONDS
    with asking.circuit.watched(WITHIN):
        assert (asking.state, gauge()) == ("half-open", 1)
        assert asking.asks() == "not asked"
        with pytest.raises(CircuitOpen) as told:
            asking.circuit.check()
        assert told.value.retry_after == 1
    assert (asking.state, gauge()) == ("closed", 0)
    assert asking.asks() == "answered"


def test_a_probe_without_an_answer_opens_it_again(asking: Asking) -> None:
    asking.fails()
    for _ in range(3):
        asking.now += PAUSE_SECONDS
        assert asking.state == "half-open"
        asking.circuit.check()
        assert asking.asks(WITHIN, away=True) == "away"
        assert asking.asks() == "not asked" and asking.state == "open"


def test_those_who_come_after_a_stall_are_told_at_once(asking: Asking) -> None:
    with ExitStack() as waiting:
        for _ in range(4):
            waiting.enter_context(asking.circuit.watched(WITHIN))
        asking.now += STALLED_AFTER
        with asking.circuit.watched(13.5, False):
            """What is allowed to take long says nothing of the others by its silence."""
        asking.now += STALLED_AFTER + 0.1
        assert asking.asks() == "not asked" and asking.state == "open"
    assert asking.asks() == "not asked", "their answers came too late"
    asking.now += PAUSE_SECONDS
    assert asking.asks() == "answered" and asking.state == "closed"


def test_what_waits_for_a_receipt_does_not_hold_the_probe_up(asking: Asking) -> None:
    asking.fails()
    asking.now += PAUSE_SECONDS
    with asking.circuit.watched(13.5, False):
        assert asking.asks(waits=True) == "not asked", "one goes on with each pause"
        assert asking.asks() == "answered" and asking.state == "closed"


def test_what_was_under_way_before_says_nothing_new_unless_it_is_answered(asking: Asking) -> None:
    with pytest.raises(Unavailable), asking.circuit.watched(WITHIN):
        asking.fails()
        asking.now += PAUSE_SECONDS
        assert asking.state == "half-open"
        raise Unavailable("away")
    assert asking.state == "half-open"
    with asking.circuit.watched(WITHIN):
        asking.now += 1
    assert asking.state == "closed"


class SlowApi(BaseHTTPRequestHandler):
    """A cm-api that is alive, and answers queries once `answers` is set."""

    answers = threading.Event()

    def do_GET(self) -> None:
        self.close_connection = True
        if self.path == "/healthz" or self.answers.wait(0.5):
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def api() -> Iterator[str]:
    SlowApi.answers.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowApi) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        SlowApi.answers.set()
        server.shutdown()
        thread.join()


def test_the_door_says_so_at_once_and_opens_again_by_itself(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_client, "ANSWER_SECONDS", 0.05)
    queries = QueryClient(api)
    door = build(Context(MemoryPublisher(), queries), ServerSettings()).test_client()

    def ready() -> Any:
        return door.get(f"{PREFIX}/readyz").get_json()["dependencies"]["cm-api"]

    assert ready() == {"ok": True, "detail": "answers", "circuit": "closed"}
    for _ in range(FAILURES):
        assert door.get(f"{PREFIX}/v1/products").status_code == 503
    assert ready() == {"ok": False, "detail": "does not answer", "circuit": "open"}
    SlowApi.answers.set()
    refused = door.get(f"{PREFIX}/v1/products")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert "can be sent again" in refused.get_json()["detail"]
    assert queries.state("shop.purchases-0-1", 5.0) == {"state": "accepted"}, "a command does not wait for it"
    assert door.post(f"{PREFIX}/buy", json={"username": "a", "userid": "a", "price": "1"}).status_code == 200
    monkeypatch.setattr(query_client, "ANSWER_SECONDS", 3.5)
    monkeypatch.setattr(queries.circuit, "_until", 0.0)
    assert ready()["circuit"] == "half-open"
    assert door.get(f"{PREFIX}/v1/products").status_code == 200
    assert ready() == {"ok": True, "detail": "answers", "circuit": "closed"}
    assert gauge("cm-api") == 0
