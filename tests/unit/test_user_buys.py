"""The list of a user's purchases by name has two names, on the door and behind it, and one answer."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import MagicMock

import pytest
from flask import Flask, Response

from cm_api.domains.purchases import routes
from cm_api.domains.purchases.store import PurchaseStore
from cm_api.http.context import Context as ApiContext
from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.settings import ServerSettings
from shop_core.http.app import make_app
from shop_core.testing import MemoryPublisher

QUERY = "?limit=3&from=2026-01-01T00:00:00Z"


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Flask:
    """cm-server, which answers with where it would ask cm-api."""
    monkeypatch.setattr(QueryClient, "forward", lambda self, path, *_: Response(path))
    return build(Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1")), ServerSettings())


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Flask:
    """cm-api over a store that has nothing."""

    def page(self: PurchaseStore, field: str, value: str, *_: Any, **__: Any) -> list[Any]:
        return []

    monkeypatch.setattr(PurchaseStore, "page", page)
    app = make_app("cm_api", {})
    app.register_blueprint(routes.blueprint(ApiContext(MagicMock(), threading.BoundedSemaphore(1), MagicMock())))
    return app


@pytest.mark.parametrize("name", ["ada", "a%20b", "%2Fada"])
def test_the_door_asks_for_the_same_by_both_names(door: Flask, name: str) -> None:
    client = door.test_client()
    names = ("getAllUserBuys", "get-all-user-buys")
    by_one, by_other = (client.get(f"{PREFIX}/{route}/{name}{QUERY}") for route in names)
    assert (by_one.status_code, by_one.text.partition("/buyList/")[0]) == (200, "")
    assert by_other.text == by_one.text


def test_the_api_answers_the_same_by_both_names(api: Flask) -> None:
    client = api.test_client()
    by_one, by_other = (client.get(f"/{route}/ada{QUERY}") for route in ("buyList", "get-all-user-buys"))
    assert by_one.get_json() == {"username": "ada", "purchases": [], "next": None}
    assert (by_other.status_code, by_other.data) == (200, by_one.data)
    assert client.get("/get-all-user-buys/ada?colour=red").status_code == 400
