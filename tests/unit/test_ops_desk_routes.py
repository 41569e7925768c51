"""The desk's routes: what they hand on, what they refuse, and that cm-server says who asks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cm_ops import letter_routes
from cm_ops.desk import MOST_AT_ONCE, Desk
from cm_ops.looking import Away
from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.query_proxy.ops_client import OpsClient
from cm_server.settings import ServerSettings
from shop_core.http.app import CALLER_HEADER, make_app
from shop_core.mongo.letter_notes import NotFree
from shop_core.responses.dead_letters import DeadLetter, LetterOutcome, LetterRedrive
from shop_core.testing import MemoryPublisher

PATH, RECEIPT = letter_routes.PATH, "shop.purchases-0-1"


class Letters:
    """A desk without Kafka and database: `many` open letters, `trouble` for whoever asks, and what was asked."""

    def __init__(self) -> None:
        self.many = 3
        self.trouble: Exception | None = None
        self.asked: list[Any] = []

    def every(self) -> dict[str, DeadLetter]:
        if self.trouble:
            raise self.trouble
        made = [f"shop.purchases-0-{number}" for number in range(self.many)][::-1]
        none = dict.fromkeys(("type", "cause", "at", "redriven_of", "successor", "by", "done_at", "note"))
        return {each: DeadLetter(each, "purchases", "open", "why", count=1, cut=[], **none) for each in made}

    def redrive(self, receipt: str, asked: LetterRedrive, by: str) -> LetterOutcome:
        if self.trouble:
            raise self.trouble
        self.asked.append((receipt, asked, by))
        return LetterOutcome(receipt, "stored", "shop.purchases-0-9")

    def redrive_all(self, receipts: list[str], by: str, *, dry_run: bool) -> list[LetterOutcome]:
        self.asked.append((receipts, by, dry_run))
        return [LetterOutcome(each, "would be sent") for each in receipts]


@pytest.fixture
def desk() -> Letters:
    return Letters()


@pytest.fixture
def routes(desk: Letters) -> FlaskClient:
    app: Flask = make_app("desk", {})
    app.register_blueprint(letter_routes.blueprint(cast(Desk, desk)))
    return app.test_client()


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=x", "state"), ("domain=x", "domain"), ("limit=0", "limit"), ("limit=201", "limit"), ("from=x", "from"),
     ("limit=-2.4e-21", "limit"), ("domain=", "domain"), ("from=", "from"), ("sort=x", "sort"), ("cursor=x", "cursor"),
     ("like=", "like")],
)  # fmt: skip
def test_what_cannot_be_asked_is_named(routes: FlaskClient, query: str, field: str) -> None:
    for path in (PATH, f"{PATH}:groups"):
        answer = routes.get(f"{path}?{query}")
        assert (answer.status_code, answer.get_json()["field"]) == (400, field)


def test_all_that_cannot_be_asked_is_named_at_once(routes: FlaskClient) -> None:
    told = routes.get(f"{PATH}?state=x&domain=y&to=z&limit=0&cursor=c&sort=s").get_json()
    assert {fault["field"] for fault in told["errors"]} == {"state", "domain", "to", "limit", "cursor", "sort"}


def test_groups_have_no_pages(routes: FlaskClient) -> None:
    for name in ("limit", "cursor"):
        assert routes.get(f"{PATH}:groups?{name}=5").get_json()["field"] == name


def test_many_are_a_dry_run_unless_it_is_said_and_are_bounded(routes: FlaskClient, desk: Letters) -> None:
    desk.many = MOST_AT_ONCE + 5
    found = routes.post(f"{PATH}:redrive", json={"domain": "purchases"}).get_json()
    receipts, by, dry_run = desk.asked[-1]
    assert (len(receipts), receipts[0], by, dry_run) == (MOST_AT_ONCE, "shop.purchases-0-0", "somebody inside", True)
    assert found["left"] == 5
    assert routes.post(f"{PATH}:redrive", json={"domain": "nowhere"}).status_code == 422
    routes.post(f"{PATH}:redrive", json={"reason": "another", "dryRun": False})
    assert desk.asked[-1] == ([], "somebody inside", False)


def test_a_group_is_named_by_one_of_its_letters(routes: FlaskClient, desk: Letters) -> None:
    assert routes.get(f"{PATH}?like={RECEIPT}").get_json()["total"] == 3
    assert routes.get(f"{PATH}:groups?like=shop.purchases-0-99").status_code == 404
    assert routes.post(f"{PATH}:redrive", json={"like": "shop.purchases-0-99"}).get_json()["field"] == "like"
    routes.post(f"{PATH}:redrive", json={"like": RECEIPT})
    assert len(desk.asked[-1][0]) == 3
    assert not routes.post(f"{PATH}:redrive", json={"from": "9999-12-31T00:00:00Z"}).get_json()["outcomes"]


def test_who_is_late_and_who_is_away_is_told(routes: FlaskClient, desk: Letters) -> None:
    desk.trouble = NotFree(f"{RECEIPT} is in the hands of ada")
    answer = routes.post(f"{PATH}/{RECEIPT}:redrive", json={})
    assert answer.status_code == 409 and "in the hands of ada" in answer.get_json()["detail"]
    desk.trouble = Away("Kafka")
    answer = routes.get(PATH)
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert answer.get_json()["detail"].startswith("Kafka does not answer")


class _CmOps(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer({"path": self.path, "body": body, "by": self.headers[CALLER_HEADER]})

    def do_GET(self) -> None:
        self._answer({"path": self.path})

    def _answer(self, told: dict[str, str]) -> None:
        data = json.dumps(told).encode()
        self.send_response(200)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(data)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture
def door() -> Iterator[FlaskClient]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _CmOps) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ops = OpsClient(f"http://127.0.0.1:{server.server_port}")
        context = Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1"), ops=ops)
        yield build(context, ServerSettings()).test_client()
        server.shutdown()


def test_the_door_hands_on_the_request_and_says_who_sent_it(door: FlaskClient) -> None:
    assert door.get(f"{PREFIX}{PATH}?state=all&limit=2").get_json()["path"] == f"{PATH}?state=all&limit=2"
    assert door.get(f"{PREFIX}{PATH}/{RECEIPT}").get_json()["path"] == f"{PATH}/{RECEIPT}"
    for path in (f"{PATH}/{RECEIPT}:redrive", f"{PATH}/{RECEIPT}:discard", f"{PATH}:redrive", f"{PATH}:discard"):
        told = door.post(f"{PREFIX}{path}", json={"dryRun": True}, headers={CALLER_HEADER: "mallory"}).get_json()
        assert (told["path"], json.loads(told["body"]), told["by"]) == (path, {"dryRun": True}, "anonymous")


def test_without_cm_ops_there_is_no_desk() -> None:
    context = Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1"))
    answer = build(context, ServerSettings()).test_client().get(f"{PREFIX}{PATH}")
    assert answer.status_code == 404 and "CM_OPS_URL" in answer.get_json()["detail"]
