"""What is away is told to everybody by its name and kind, and where it is to nobody: the log alone has that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core import api_keys
from shop_core.errors import Unavailable
from shop_core.http.app import make_app
from shop_core.testing import MemoryPublisher

BROKER, API = "broker-0.internal:9092", "127.0.0.1:1"
PLACES = ["broker-0", "internal", "9092", "127.0.0.1"]
SAID = {"kafka": "does not answer", "cm-api": "does not answer (NewConnectionError)"}


class Away(MemoryPublisher):
    """Kafka, away from a place that nobody outside is to know."""

    def check(self) -> None:
        raise Unavailable(f"no connection to Kafka at {BROKER}")


@pytest.fixture(params=["none", "apikey"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Flask, list[dict[str, str]]]:
    """cm-server with nothing behind it, and as whom it can be asked: as a stranger, as somebody, as an admin."""
    callers: list[dict[str, str]] = [{}, {"Authorization": "Bearer nobody", "X-Forwarded-For": "192.0.2.7"}]
    settings = ServerSettings()
    if request.param == "apikey":
        file = tmp_path / "keys.json"
        _, key = api_keys.create(file, "ops", "admin")
        callers.append({"Authorization": f"Bearer {key}"})
        settings = ServerSettings(auth_mode="apikey", api_keys_file=str(file))
    return build(Context(Away(), QueryClient(f"http://{API}")), settings), callers


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_everybody_is_told_what_is_away_and_nobody_where(
    door: tuple[Flask, list[dict[str, str]]], prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, callers = door
    for headers in callers:
        answer = app.test_client().get(f"{prefix}/readyz", headers=headers)
        assert answer.status_code == 503
        dependencies = answer.get_json()["dependencies"]
        assert {name: each["detail"] for name, each in dependencies.items()} == SAID
        assert_nowhere(answer)
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert BROKER in logged and API in logged


def test_a_request_that_fails_tells_no_place_either(door: tuple[Flask, list[dict[str, str]]]) -> None:
    app, callers = door
    client, body = app.test_client(), {"username": "a", "userid": "a", "price": "1"}
    for answer in (
        client.get(f"{PREFIX}/v1/products", headers=callers[-1]),
        client.post(f"{PREFIX}/buy", json=body, headers=callers[-1]),
    ):
        assert answer.status_code == 503
        assert_nowhere(answer)


def test_a_fault_of_one_check_hides_nothing_of_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ValueError(f"no port in {BROKER}")

    answer = make_app("api", {"kafka": broken, "mongodb": lambda: None}).test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()) == (503, {
        "ready": False,
        "dependencies": {
            "kafka": {"ok": False, "detail": "does not answer (ValueError)"},
            "mongodb": {"ok": True, "detail": "answers"},
        },
    })  # fmt: skip
    assert_nowhere(answer)
    assert BROKER in caplog.text and "Traceback" in caplog.text


def assert_nowhere(answer: Any) -> None:
    said = json.dumps([answer.get_data(as_text=True), list(answer.headers)])
    assert [place for place in PLACES if place in said] == []
