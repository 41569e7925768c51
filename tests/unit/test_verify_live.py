"""`shopctl verify live` against a door in memory, which can do what no shop should: lose, double, change, be away."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from shopctl.main import main
from shopctl.verify.canaries import users_of


class Door(ThreadingHTTPServer):
    """Purchases by id, as a shop tells them; `ill` is what it does wrong to the third one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.stored: list[dict[str, Any]] = []
        self.known: dict[str, int] = {}
        self.erased: set[str] = set()
        self.ill = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def buy(self, key: str, said: dict[str, Any]) -> tuple[int, Any]:
        with self.lock:
            if len(self.known) % 10 == 9 and key not in self.known:  # each tenth is accepted at the second attempt
                self.known[key] = -1
                return 503, {}
            if self.known.get(key, -1) < 0:
                number = self.known[key] = len(self.known)
                doc = said | {"_id": f"id-{number}"}
                if number == 3 and self.ill == "changes":
                    doc["price"] = "0.00"
                if not (number == 3 and self.ill == "loses"):
                    self.stored.append(doc)
                if number == 3 and self.ill == "doubles":
                    self.stored.append(doc | {"_id": "again"})
            return 202, {"receipt": f"shop.purchases-0-{self.known[key]}"}

    def of(self, user: str) -> list[dict[str, Any]]:
        with self.lock:
            return [doc for doc in self.stored if doc["userid"] == user and user not in self.erased]


class Handler(BaseHTTPRequestHandler):
    server: Door
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(*self.server.buy(self.headers["Idempotency-Key"], json.loads(body)))

    def do_DELETE(self) -> None:
        self.server.erased.add(self.path.rpartition("/")[2])
        self.answer(200, {})

    def do_GET(self) -> None:
        parts = urlsplit(self.path).path.split("/")
        if parts[2] == "receipts":
            return self.answer(200, {"state": "stored"})
        bought = self.server.of(parts[3])
        if parts[-1] == "purchases":
            return self.answer(200, {"purchases": bought[::-1], "next": None})
        if not bought:
            return self.answer(404, {})
        spent = sum((Decimal(doc["price"]) for doc in bought), Decimal())
        said = {"count": len(bought), "totalSpent": str(spent), "username": bought[-1]["username"]}
        return self.answer(200, said)

    def answer(self, status: int, said: Any) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def door() -> Iterator[Door]:
    with Door() as door:
        serving = threading.Thread(target=door.serve_forever)
        serving.start()
        yield door
        door.shutdown()
        serving.join()


def run(door: Door, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    line = ["verify", "live", "--url", door.url, "--rate", "50", "--for", "1s", "--settle", "20s", "--json", *words]
    code = main(line)
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("ill", "faults"),
    [
        ("", {}),
        ("loses", {"lost": 1, "wrong": 1}),
        ("doubles", {"doubled": 1, "wrong": 1}),
        ("changes", {"changed": 1, "wrong": 1}),
    ],
)
def test_what_a_door_does_is_told(
    door: Door, capsys: pytest.CaptureFixture[str], tmp_path: Path, ill: str, faults: dict[str, int]
) -> None:
    door.ill = ill
    code, said = run(door, capsys, "--report", str(tmp_path / "page.html"))
    told = {each["name"]: each["number"] for each in said["judged"] if each["number"]}
    assert (code, told) == (3 if ill else 0, faults), said
    assert int(said["facts"]["acknowledged"]) == len(door.known) > 30
    assert door.erased == set(users_of(said["facts"]["run"]))
    assert said["sentence"] in (tmp_path / "page.html").read_text()


def test_what_was_refused_for_now_is_sent_again_under_its_key(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    said = run(door, capsys)[1]
    assert sum(other for _, other, _ in said["seconds"]) >= 3, "the door refused some"
    assert len({doc["username"] for doc in door.stored}) == len(door.stored)


def test_by_term_it_gives_no_verdict_and_erases(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    code, said = run(door, capsys, "--for", "10m")
    assert (code, said["state"]) == (130, "interrupted")
    assert door.erased == set(users_of(said["facts"]["run"])) and door.stored


def test_a_door_that_is_away_is_no_verdict(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["verify", "live", "--url", "http://127.0.0.1:9", "--for", "1s", "--settle", "1s"])
    assert code == 4
    assert "No verdict: http://127.0.0.1:9 does not answer" in capsys.readouterr().out


def test_canaries_that_are_left_are_erased_by_the_name_of_their_run(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "live", "--url", door.url, "--erase", "abc"]) == 0
    assert door.erased == set(users_of("abc"))
