"""Requests that wait for a receipt, as many as there may be: who does not wait is served as if there were none."""

from __future__ import annotations

import json
import selectors
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from shop_security.wire import Client, connected

if TYPE_CHECKING:
    from tests.conftest import Platform

OPEN = 500
GREEDY = 300
PLACES = 2 * 3 * 16  # of two workers with sixteen threads each
MOST_SECONDS = 0.1
BODY = '{"username":"waits","userid":"waits","price":"1"}'
POST = f"POST {{prefix}}%s HTTP/1.1\r\nHost: x\r\nPrefer: wait=4\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
GET = "GET {prefix}%s HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def unsettled(platform: Platform, until: Callable[..., None]) -> Iterator[str]:
    """The receipt of a purchase that no consumer gets to see before the test's end."""
    names = [name for name in platform.processes() if name.startswith("purchases-consumer")]
    until(lambda: platform.running(*names), "the consumers run")
    for name in names:
        platform.signal(name, signal.SIGSTOP)
    try:
        yield platform.request("POST", "/buy", body=BODY).json()["receipt"]
    finally:
        for name in names:
            platform.signal(name, signal.SIGCONT)
    settled = platform.request("POST", "/buy", body=BODY).json()["receipt"]
    until(lambda: state_of(platform, settled) == "stored", "the consumers catch up")


def state_of(platform: Platform, receipt: str) -> str:
    return str(platform.request("GET", f"/v1/receipts/{receipt}").json()["state"])


def seconds_of(platform: Platform, method: str, path: str, **options: Any) -> float:
    started = time.perf_counter()
    assert platform.request(method, path, **options).status == 200
    return time.perf_counter() - started


@pytest.mark.security(31)
@pytest.mark.parametrize("kind", ["prefer", "wait", "after", "made up"])
def test_hundreds_who_wait_cost_the_others_nothing(platform: Platform, unsettled: str, kind: str) -> None:
    sent = {
        "prefer": POST % "/v1/purchases",
        "wait": GET % f"/v1/receipts/{unsettled}?wait=4",
        "after": GET % f"/v1/users/waits?after={unsettled}",
        "made up": GET % "/v1/receipts/shop.purchases-5-999999999?wait=4",
    }[kind]
    with ExitStack() as stack:
        waiting = [stack.enter_context(connected(platform.ports.cm_server)) for _ in range(OPEN)]
        for client in waiting:
            client.send(sent)
        health = [seconds_of(platform, "GET", "/healthz") for _ in range(20)]
        bought = [seconds_of(platform, "POST", "/buy", body=BODY) for _ in range(20)]
        answers = Counter(client.answer().status for client in waiting)
    assert statistics.median(health) < MOST_SECONDS and statistics.median(bought) < MOST_SECONDS, (health, bought)
    assert set(answers) <= {"prefer": {202}, "after": {412, 503}, "made up": {200, 404}}.get(kind, {200}), answers


def test_beyond_the_bound_the_answer_says_what_is_known(platform: Platform, unsettled: str) -> None:
    """Each kind has the same answer as one that waited in vain, and tells that it did not wait."""
    with ExitStack() as stack:
        waiting = [stack.enter_context(connected(platform.ports.cm_server)) for _ in range(GREEDY)]
        for client in waiting:
            client.send(POST % "/v1/purchases")
        answered = [client.answer() for client in waiting]
        waited = [a for a in answered if a.headers["Preference-Applied"] == "wait=4"]
        at_once = [a for a in answered if a.headers["Preference-Applied"] is None]
        assert len(waited) + len(at_once) == GREEDY and waited and at_once
        assert {json.loads(a.body)["state"] for a in answered} == {"accepted"}


def test_another_caller_still_finds_a_place(platform: Platform, unsettled: str, until: Callable[..., None]) -> None:
    """One address asks for all places; each of some others waits as it asked to."""
    with ExitStack() as stack:
        greedy = [stack.enter_context(connected(platform.ports.cm_server)) for _ in range(GREEDY)]
        for client in greedy:
            client.send(GET % f"/v1/receipts/{unsettled}?wait=10")
        answered = selectors.DefaultSelector()
        stack.callback(answered.close)
        for client in greedy:
            answered.register(client.sock, selectors.EVENT_READ)
        until(lambda: len(answered.select(0)) >= GREEDY - PLACES, "whoever of them finds no place is answered")
        others = [stack.enter_context(connected(platform.ports.cm_server, f"127.0.0.{n}")) for n in (7, 8)]
        for client in others:
            client.send((POST % "/v1/purchases").replace("wait=4", "wait=0.5"))
        applied = [client.answer().headers["Preference-Applied"] for client in others]
        assert applied == ["wait=0.5"] * 2, "they waited"


def test_what_is_settled_is_read_at_once_however_many_wait(
    platform: Platform, unsettled: str, until: Callable[..., None]
) -> None:
    """`?after=` of what is stored already needs no place."""
    stored = platform.request("PUT", "/v1/products/none", body='{"name":"x","price":"1"}').json()["receipt"]
    until(lambda: state_of(platform, stored) != "accepted", "the catalog's consumer got to it")
    with ExitStack() as stack:
        waiting: list[Client] = [stack.enter_context(connected(platform.ports.cm_server)) for _ in range(GREEDY)]
        for client in waiting:
            client.send(GET % f"/v1/receipts/{unsettled}?wait=4")
        found = [platform.request("GET", f"/v1/products?after={stored}").status for _ in range(10)]
        assert set(found) == {200}


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait=2", "wait=2"),
        ("WAIT=2", "wait=2"),
        ("foo=bar; wait=abc, respond-async, Wait=\"3\"", "wait=3"),
        ("wait=9999999", "wait=10"),
        ("wait=0.5", "wait=0.5"),
        ("wait=abc", None),
        ("wait=", None),
        ("foo=bar; wait=5", None),
        ("wait=-1", None),
        ("\"", None),
    ],
)  # fmt: skip
def test_no_command_is_refused_for_a_preference_and_each_tells_what_was_honoured(
    platform: Platform, prefer: str, applied: str | None, until: Callable[..., None]
) -> None:
    until(lambda: may_wait(platform), "those of other tests wait no more", 30)
    headers = {"Prefer": prefer, "Content-Type": "application/json"}
    sent = [
        ("POST", "/buy", BODY, {200}),
        ("POST", "/v1/purchases", BODY, {201, 202}),
        ("POST", "/v1/products", '{"name":"x","price":"1"}', {201, 202}),
        ("POST", f"/analytics?timestamp={int(time.time() * 1000)}&user=waits&click", None, {204}),
        ("DELETE", "/v1/users/nobody-of-that-name", None, {200, 202}),
    ]
    for method, path, body, expected in sent:
        answer = platform.request(method, path, body=body, headers=headers)
        assert (answer.status in expected, answer.headers.get("Preference-Applied")) == (True, applied), answer.data


def may_wait(platform: Platform) -> bool:
    headers = {"Prefer": "wait=1", "Content-Type": "application/json"}
    return "Preference-Applied" in platform.request("POST", "/buy", body=BODY, headers=headers).headers


def test_two_lines_of_preferences_are_one_list(platform: Platform) -> None:
    with connected(platform.ports.cm_server) as client:
        client.send((POST % "/buy").replace("Prefer: wait=4", "Prefer: respond-async\r\nprefer: wait=4"))
        assert client.answer().headers["Preference-Applied"] == "wait=4"
