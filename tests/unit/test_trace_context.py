"""Whose doing an event is: what is believed of strangers, what is begun, and what each record carries of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from cm_api.batch_result import Derived
from cm_api.pipeline.outbox import to_pending
from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core.dead_letters.letters import letter_of
from shop_core.dead_letters.mending import to_record
from shop_core.events.catalog import RATING_CHANGED, RATINGS_TOPIC, RatingChanged
from shop_core.events.envelope import Headers, Message, decode
from shop_core.events.purchases import DOMAIN
from shop_core.events.trace_context import (
    PARENT,
    REQUEST,
    STATE,
    handed_on,
    headers_of_request,
    read_parent,
    read_state,
    request_of,
    trace_of,
)
from shop_core.testing import MemoryPublisher

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"
ID = "0af7651916cd43dd8448eb211c80319c"
PURCHASE = {"username": "ada", "userid": "ada-1", "price": "5"}
MOST_BYTES = 120


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (GIVEN, GIVEN),
        (f"00-{TRACE}-{SPAN}-03", f"00-{TRACE}-{SPAN}-03"),
        (f"cc-{TRACE}-{SPAN}-09-what-comes-later", GIVEN),
        (f"cc-{TRACE}-{SPAN}-08", f"00-{TRACE}-{SPAN}-00"),
        (f"cc-{TRACE}-{SPAN}-01.more", None),
        (f"{GIVEN}-more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (GIVEN.upper(), None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f" {GIVEN}", None),
        (f"{GIVEN}\n", None),
        (f"{GIVEN},{GIVEN}", None),
        (f"00-{TRACE[:-1]}-{SPAN}-01", None),
        (GIVEN.replace("4", "٤"), None),
        ("", None),
    ],
)
def test_a_parent_is_read_by_w3cs_grammar(text: str, read: str | None) -> None:
    assert read_parent(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("tenant@vendor=a b , ,\tb=1", "tenant@vendor=a b,b=1"),
        ("a=1,a=2", ""),
        ("A=1", ""),
        ("a", ""),
        ("a=", ""),
        ("a=b=c", ""),
        ("a=\n", ""),
        ("a=ä", ""),
        (",".join(f"k{number}=1" for number in range(33)), ""),
        ("a=" + "v" * 256, "a=" + "v" * 256),
        ("a=" + "v" * 257, ""),
        (f"a={'v' * 250},b={'v' * 250},c={'v' * 20}", ""),
        ("", ""),
    ],
)
def test_a_state_is_read_by_w3cs_grammar_and_bounded(text: str, read: str) -> None:
    assert read_state(text) == read


def test_a_trace_that_begins_has_the_id_of_its_request() -> None:
    (told,) = headers_of_request(ID, "", "a=1")
    assert told[0] == PARENT and re.fullmatch(f"00-{ID}-[0-9a-f]{{16}}-00", (told[1] or b"").decode())
    assert (request_of((told,)), trace_of((told,))) == (ID, ID)
    for own in ("mine:7", "0" * 32, ID.upper()):
        headers = headers_of_request(own, "nonsense", "")
        assert request_of(headers) == own and trace_of(headers) not in (None, own)


def test_a_trace_that_is_under_way_is_handed_on() -> None:
    headers = headers_of_request(ID, GIVEN, "a=1")
    assert dict(headers) == {PARENT: GIVEN.encode(), REQUEST: ID.encode(), STATE: b"a=1"}
    assert (request_of(headers), trace_of(headers)) == (ID, TRACE)
    assert handed_on(headers) == (headers[0], headers[2], headers[1])


@pytest.mark.parametrize(
    "headers",
    [
        ((PARENT, b"00-ab"), (STATE, b"a=1"), (REQUEST, b"a b")),
        ((PARENT, None), (REQUEST, None)),
        ((PARENT, b"\xff" * 55), (REQUEST, b"\xff")),
        ((REQUEST, b"i" * 129),),
        (),
    ],
)
def test_what_others_wrote_into_the_log_is_not_believed(headers: Headers) -> None:
    assert (handed_on(headers), request_of(headers), trace_of(headers)) == ((), None, None)


@pytest.fixture
def publisher() -> MemoryPublisher:
    return MemoryPublisher()


def send(publisher: MemoryPublisher, headers: dict[str, str], path: str = "/buy", lines: int = 1) -> str:
    """The id that the request is answered with."""
    client = build(Context(publisher, QueryClient("http://127.0.0.1:1")), ServerSettings()).test_client()
    body = PURCHASE if path == "/buy" else [PURCHASE | {"userid": f"ada-{number}"} for number in range(lines)]
    answer = client.post(f"{PREFIX}{path}", json=body, headers=headers)
    assert answer.status_code in (200, 202), answer.text
    return answer.headers["X-Request-Id"]


def test_each_event_of_a_request_carries_its_id_and_its_trace(publisher: MemoryPublisher) -> None:
    id = send(publisher, {})
    send(publisher, {"X-Request-Id": "mine-1", "traceparent": GIVEN, "tracestate": "a=1"}, "/v1/purchases:batch", 3)
    told = [(request_of(each.headers), trace_of(each.headers)) for each in publisher.log]
    assert told == [(id, id), *[("mine-1", TRACE)] * 3]
    assert all(dict(each.headers)[STATE] == b"a=1" for each in publisher.log[1:])
    for each in publisher.log:
        decode(DOMAIN, each)


def test_an_erasure_carries_it_in_each_copy(publisher: MemoryPublisher) -> None:
    client = build(Context(publisher, QueryClient("http://127.0.0.1:1")), ServerSettings()).test_client()
    answer = client.delete(f"{PREFIX}/v1/users/ada-1", headers={"traceparent": GIVEN})
    assert answer.status_code == 202 and len(publisher.log) > 12
    assert {request_of(each.headers) for each in publisher.log} == {answer.headers["X-Request-Id"]}
    assert {trace_of(each.headers) for each in publisher.log} == {TRACE}


@pytest.mark.parametrize("given", [{}, {"traceparent": GIVEN}], ids=["begun", "handed on"])
def test_it_costs_a_purchase_few_bytes(publisher: MemoryPublisher, given: dict[str, str]) -> None:
    send(publisher, given)
    told = [each for each in publisher.log[0].headers if each[0] in (PARENT, STATE, REQUEST)]
    # Each header has two lengths before it, of one byte up to 63.
    size = sum(len(name) + len(value or b"") + 2 for name, value in told)
    assert size == (71 if not given else 117) <= MOST_BYTES


def test_it_is_kept_by_a_dead_letter_that_is_sent_again(publisher: MemoryPublisher) -> None:
    send(publisher, {"traceparent": GIVEN})
    message = publisher.log[0]
    noted = (("dlq_reason", b"x"), ("dlq_topic", DOMAIN.topic.encode()), ("dlq_partition", b"3"), ("dlq_offset", b"7"))
    again = to_record(letter_of(DOMAIN, Message(DOMAIN.dlq, 0, 0, b"", b"", (*message.headers, *noted))), {}, b"{}")
    assert (trace_of(again.headers), request_of(again.headers)) == (TRACE, request_of(message.headers))


def test_what_follows_from_an_event_belongs_to_its_trace() -> None:
    data = RatingChanged("p", 1, 1, 5, {"5": 1}, 5.0)
    derived = Derived(RATINGS_TOPIC, RATING_CHANGED, "p", 1, data, "shop.catalog-0-4")
    source = headers_of_request(ID, GIVEN, "")
    pending = to_pending(derived, (("ce_id", b"another"), *source))
    headers = tuple((name, value) for name, value in pending["headers"])
    assert (trace_of(headers), request_of(headers)) == (TRACE, ID) and dict(headers)["ce_id"] != b"another"


def test_no_text_takes_long_to_read() -> None:
    """It takes a fiftieth of that; an expression that goes back and forth takes thousands of times as long."""
    started = datetime.now(UTC)
    for _ in range(100):
        headers_of_request(ID, GIVEN[:-1] + "x" * 4000, "a=1," * 2000 + "=")
        read_state("a" * 256 + " " * 255)
    assert (datetime.now(UTC) - started).total_seconds() < 0.5
