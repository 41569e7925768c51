"""At INFO the log has one line a minute about requests, at DEBUG one for each command; nothing is lost at the end."""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core.http import gunicorn_hooks
from shop_core.telemetry.logs import _request
from shop_core.telemetry.request_summary import EXTENSION, RequestSummary
from shop_core.testing import MemoryPublisher
from shop_runtime.json_logs import JsonFormatter

PURCHASE = {"username": "Ada", "userid": "ada-1", "price": "2.50"}
BUY = f"POST {PREFIX}/buy"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """The log as the services write it, at INFO."""
    root, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(_request))
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def app() -> Flask:
    return build(Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1")), ServerSettings())


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def worker(app: Flask) -> Any:
    return SimpleNamespace(app_made=app, pid=1)


def buy(app: Flask, times: int = 1, **changes: str) -> None:
    for _ in range(times):
        app.test_client().post(f"{PREFIX}/buy", json=PURCHASE | changes)


def test_commands_are_one_line_together(app: Flask, written: io.StringIO) -> None:
    summary: RequestSummary = app.extensions[EXTENSION]
    buy(app, 3)
    buy(app, 2, price="much")
    app.test_client().post(f"{PREFIX}/v1/purchases:batch", json=[PURCHASE])
    assert written.getvalue() == ""
    summary.write()
    [line] = lines(written)
    assert (line["event"], line["level"], line["count"]) == ("requests_answered", "INFO", 6)
    found = {(row["request"], row["status"]): row["count"] for row in line["requests"]}
    assert found == {(BUY, 200): 3, (BUY, 422): 2, (f"POST {PREFIX}/v1/purchases:batch", 202): 1}
    assert line["requests"][0]["request"] == BUY and line["requests"][0]["slowest_ms"] > 0
    summary.write()
    assert len(lines(written)) == 1, "there was nothing since"


def test_debug_tells_each_command(app: Flask, written: io.StringIO) -> None:
    logging.getLogger("cm_server").setLevel("DEBUG")
    try:
        buy(app, 2)
    finally:
        logging.getLogger("cm_server").setLevel(logging.NOTSET)
    assert [(line["event"], line["level"]) for line in lines(written)] == [("purchase_published", "DEBUG")] * 2
    assert all(line["receipt"] and line["event_id"] and line["request_id"] for line in lines(written))


def test_probes_and_made_up_words_are_not_told(app: Flask, written: io.StringIO) -> None:
    client = app.test_client()
    for path in ("/healthz", f"{PREFIX}/healthz", f"{PREFIX}/metrics"):
        assert client.get(path).status_code == 200
    app.extensions[EXTENSION].write()
    assert lines(written) == []
    assert client.open(f"{PREFIX}/ada-lovelace", method="ADA").status_code in (404, 405)
    app.extensions[EXTENSION].write()
    assert lines(written)[0]["requests"][0]["request"] == "- -"
    assert "ada" not in written.getvalue().lower()


def test_a_worker_writes_each_minute_and_at_its_end(
    app: Flask, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.extensions[EXTENSION], "_seconds", 0.05)
    before = threading.active_count()
    gunicorn_hooks.post_worker_init(worker(app))
    buy(app, 4)
    deadline = time.monotonic() + 5
    while not written.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before + 1, "one thread, not one a request"
    assert "request_id" not in lines(written)[0], "the line is of no request"
    monkeypatch.setattr(app.extensions[EXTENSION], "_seconds", 60)
    time.sleep(0.1)
    buy(app)
    gunicorn_hooks.worker_exit(None, worker(app))
    assert sum(line["count"] for line in lines(written)) == 5
    assert threading.active_count() == before


def test_many_threads_lose_no_count(written: io.StringIO) -> None:
    summary = RequestSummary()

    def count() -> None:
        for _ in range(2000):
            summary.add("POST", "/buy", 200, 0.001)
            summary.add("POST", "/buy", 503, 0.25)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        summary.write()
    summary.write()
    rows = [row for line in lines(written) for row in line["requests"]]
    assert {status: sum(row["count"] for row in rows if row["status"] == status) for status in (200, 503)} == {
        200: 16000, 503: 16000,
    }  # fmt: skip
    assert {(row["status"], row["slowest_ms"]) for row in rows} == {(200, 1.0), (503, 250.0)}
