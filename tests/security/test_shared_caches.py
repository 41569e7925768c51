"""A caching nginx in front: it keeps what is nobody's own, never longer than it was told, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import urllib3

from shopctl.layout import HOST, PREFIX

if TYPE_CHECKING:
    from tests.conftest import Platform

MAX_AGE, STALE = 3, 2
# nginx counts whole seconds, and cm-api's own memory is a second old at most.
BOUND = MAX_AGE + STALE + 2
AGES = {"CATALOG_MAX_AGE": str(MAX_AGE), "CATALOG_STALE_WHILE_REVALIDATE": str(STALE)}
KEPT = {"HIT", "STALE", "UPDATING"}
JSON_ALONE = {"Content-Type": "application/json"}
JSON = JSON_ALONE | {"Prefer": "wait=10"}
EVENTS = {"Accept": "text/event-stream"}
CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;{user}
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/cache keys_zone=shop:1m;
  server {{
    listen {host}:{port};
    location / {{
      proxy_pass http://{behind};
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_cache shop; proxy_cache_revalidate on; proxy_cache_background_update on;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""


@dataclass
class Edge:
    """The proxy: what it answers, and whether from its cache."""

    url: str
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=30, retries=False))

    def get(self, path: str, **headers: str) -> Any:
        return self.http.request(
            "GET", f"{self.url}{path}", headers={k.replace("_", "-"): v for k, v in headers.items()}
        )


@contextmanager
def edge(folder: Path, behind: str, port: int) -> Iterator[Edge]:
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    assert Path(program).exists(), "nginx is needed: run scripts/bootstrap nginx"
    user = " user root;" if os.geteuid() == 0 else ""  # or its worker may not write to this folder
    config = folder / "nginx.conf"
    text = CONFIG.format(folder=folder, host=HOST, port=port, behind=urlsplit(behind).netloc, user=user)
    config.write_text(text)
    with subprocess.Popen([program, "-e", str(folder / "error.log"), "-c", str(config)]) as process:
        found = Edge(f"http://{HOST}:{port}{PREFIX}")
        try:
            deadline = time.monotonic() + 30
            while not answers(found):
                assert process.poll() is None and time.monotonic() < deadline, (folder / "error.log").read_text()
                time.sleep(0.05)
            yield found
        finally:
            found.http.clear()
            process.terminate()


def answers(found: Edge) -> bool:
    try:
        return bool(found.get("/healthz").status == 200)
    except urllib3.exceptions.HTTPError:
        return False


@pytest.fixture(scope="module", params=["none", "apikey"])
def doors(
    request: pytest.FixtureRequest, platform: Platform, tmp_path_factory: pytest.TempPathFactory,
    make_door: Callable[..., Any], any_port: Callable[[], int],
) -> Iterator[tuple[str, Any, Edge]]:  # fmt: skip
    """How callers are authenticated, cm-server itself, and the proxy before it."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = AGES | {"AUTH_MODE": request.param, "LIMITS": "6000/60"}
    with make_door(folder, platform, **settings) as door, edge(folder, door.base_url, any_port()) as proxy:
        yield request.param, door, proxy


@pytest.fixture
def key(doors: tuple[str, Any, Edge]) -> str | None:
    mode, door, _ = doors
    return None if mode == "none" else str(door.key("admin"))


def made(door: Any, key: str | None) -> str:
    """A new product's id."""
    answer = door.request("POST", "/v1/products", key, headers=JSON, body=json.dumps({"name": "Lamp", "price": "1"}))
    assert answer.status == 201, answer.data
    return str(answer.headers["X-Id"])


def repriced(door: Any, key: str | None, id: str, price: str) -> str:
    """The receipt of what is stored when this returns."""
    body = json.dumps({"name": "Lamp", "price": price})
    answer = door.request("PUT", f"/v1/products/{id}", key, headers=JSON, body=body)
    assert answer.status == 200, answer.data
    return str(answer.headers["X-Receipt"])


def asked(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def test_reads_of_the_catalog_come_from_the_cache(doors: tuple[str, Any, Edge], key: str | None) -> None:
    mode, door, proxy = doors
    id = made(door, key)
    for path in (
        f"/v1/products/{id}",
        f"/v1/products/{id}/reviews",
        f"/v1/products/{id}/rating",
        "/v1/products?limit=3",
    ):
        first, second = (proxy.get(path, **asked(key)) for _ in range(2))
        assert (first.status, second.status) == (200, 200)
        if mode != "none":
            assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("MISS", "MISS"), path
            assert second.headers["Cache-Control"] == "private, no-cache"
            continue
        assert first.headers["X-Cache"] == "MISS" and second.headers["X-Cache"] in KEPT, path
        assert first.headers["ETag"] == second.headers["ETag"]
        assert second.headers["Cache-Control"] == f"public, max-age={MAX_AGE}, stale-while-revalidate={STALE}"
        assert not [name for name in first.headers if name.startswith("RateLimit-")], "of one caller"
        again = proxy.get(path, If_None_Match=first.headers["ETag"])
        assert again.status == 304 and again.headers["X-Cache"] in KEPT, path


def test_no_answer_is_older_than_was_said(doors: tuple[str, Any, Edge], key: str | None) -> None:
    _, door, proxy = doors
    id = made(door, key)
    path = f"/v1/products/{id}"
    for price in ("2", "3"):
        assert proxy.get(path, **asked(key)).status == 200
        repriced(door, key, id, price)
        stored = time.monotonic()
        while True:
            began = time.monotonic()
            if proxy.get(path, **asked(key)).json()["price"] == price:
                break
            assert began - stored <= BOUND, "an answer that was asked for later than that is another"
            time.sleep(0.05)


@pytest.mark.security(21)
def test_nothing_of_anybodys_own_is_kept(doors: tuple[str, Any, Edge], key: str | None) -> None:
    _, door, proxy = doors
    who, id = uuid.uuid4().hex, made(door, key)
    bought = json.dumps({"username": who, "userid": who, "price": "1"})
    receipt = door.request("POST", "/buy", key, headers=JSON, body=bought).json()["receipt"]
    newest = repriced(door, key, id, "2")
    for path in (
        f"/v1/users/{who}", f"/v1/users/{who}/purchases", f"/getAllUserBuys/{who}", f"/v1/receipts/{receipt}",
        f"/v1/products/{id}?after={newest}", f"/v1/products/{uuid.uuid4()}",
    ):  # fmt: skip
        found = [proxy.get(path, **asked(key)) for _ in range(3)]
        assert {answer.headers["X-Cache"] for answer in found} == {"MISS"}, path
        assert not [answer for answer in found if "public" in answer.headers.get("Cache-Control", "")], path


@pytest.mark.security(21)
def test_who_may_not_call_is_answered_by_no_cache(doors: tuple[str, Any, Edge], key: str | None) -> None:
    mode, door, proxy = doors
    path = f"/v1/products/{made(door, key)}"
    assert proxy.get(path, **asked(key)).status == 200
    assert proxy.get(path).status == (200 if mode == "none" else 401)


def test_a_stream_comes_through_at_once_and_nobody_gets_it_again(
    doors: tuple[str, Any, Edge], platform: Platform, key: str | None, until: Callable[..., None]
) -> None:
    """Though the proxy caches, and buffers what it is not told to pass on."""
    _, _, proxy = doors
    names = [name for name in platform.processes() if name.startswith("purchases-consumer")]
    until(lambda: platform.running(*names), "the consumers run")
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    for name in names:
        platform.signal(name, signal.SIGSTOP)
    try:
        body = '{"username":"edge","userid":"edge","price":"1"}'
        bought = proxy.http.request("POST", f"{proxy.url}/v1/purchases", body=body, headers=JSON_ALONE | headers)
        url = f"{proxy.url}/v1/receipts/{json.loads(bought.data)['receipt']}"
        answer = proxy.http.request("GET", url, headers=EVENTS | headers, preload_content=False)
        pieces = answer.stream(decode_content=False)
        assert b"accepted" in next(pieces), "it is there though the stream goes on"
    finally:
        for name in names:
            platform.signal(name, signal.SIGCONT)
    assert b"stored" in b"".join(pieces)
    assert answer.headers["X-Cache"] == "MISS"
    assert proxy.http.request("GET", url, headers=EVENTS | headers).headers["X-Cache"] == "MISS"
