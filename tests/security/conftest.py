"""A second door to the session's platform that asks its callers: a cm-server and a cm-api of its own, and an issuer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from joserfc import jwt
from joserfc.jwk import RSAKey

from shop_core import api_keys
from shop_core.config.reloading import LOOK_SECONDS
from shop_security.told import Told
from shopctl.layout import HOST, PREFIX

if TYPE_CHECKING:
    from tests.conftest import Platform

BIN = Path(sys.executable).parent
AUDIENCE = "scalable-shop"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], environ: dict[str, str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that answers /healthz on `port`, ended with SIGTERM; its exit code must be 0."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
    http = urllib3.PoolManager()
    try:
        for _ in range(300):
            assert process.poll() is None, log.read_text()[-2000:]
            try:
                if http.request("GET", f"http://{HOST}:{port}/healthz", retries=False, timeout=1).status == 200:
                    break
            except urllib3.exceptions.HTTPError:
                time.sleep(0.1)
        else:
            raise AssertionError(log.read_text()[-2000:])
        yield process
    finally:
        http.clear()
        process.terminate()
        assert process.wait(30) == 0, log.read_text()[-2000:]


@dataclass
class Issuer:
    """An issuer of tokens: its address, and a key pair that may be rotated."""

    url: str
    told: Told
    keys: list[RSAKey] = field(default_factory=list)

    def rotate(self) -> None:
        """A new key signs from now on; the old one still verifies."""
        self.keys.insert(0, RSAKey.generate_key(2048, {"kid": f"key-{len(self.keys)}", "use": "sig"}))

    def token(self, sub: str, scope: str = "purchases:write", **claims: Any) -> str:
        now = int(time.time())
        body = {"iss": self.url, "aud": AUDIENCE, "sub": sub, "scope": scope, "iat": now, "exp": now + 600} | claims
        made = jwt.encode({"alg": "RS256", "kid": self.keys[0].kid}, body, self.keys[0])
        self.told.secret(made.rpartition(".")[2])
        return made


@pytest.fixture(scope="session")
def issuer(told: Told) -> Iterator[Issuer]:
    found = Issuer("", told)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"keys": [key.as_dict(private=False) for key in found.keys]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing to tell."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    found.url = f"http://{HOST}:{server.server_port}"
    found.rotate()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Door:
    """A cm-server that asks: its base address, its log, its key file, and requests under a credential."""

    base_url: str
    api_url: str
    log: Path
    api_log: Path
    keys: Path
    token_file: Path
    issuer: Issuer
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=32, timeout=30))
    _made: dict[tuple[str, str | None], str] = field(default_factory=dict)

    def key(self, scopes: str, userid: str | None = None) -> str:
        """A key that cm-server knows already; the same one for the same question."""
        return self.keys_of((scopes, userid))[0]

    def keys_of(self, *callers: tuple[str, str | None]) -> list[str]:
        """The same for several callers, by scopes and user, with one wait for all."""
        fresh = [caller for caller in callers if caller not in self._made]
        for scopes, userid in fresh:
            text = self._made[scopes, userid] = api_keys.create(self.keys, "test", scopes, userid)[1]
            self.issuer.told.secret(text[-43:])
        made = time.monotonic()

        def unknown() -> bool:
            # A worker that has looked at the file just before may not know it; and on a busy machine one of them may
            # answer all the questions.
            if fresh and time.monotonic() < made + LOOK_SECONDS:
                return True
            return any(
                self.request("GET", "/v1/products?limit=1", self._made[caller]).status == 401 for caller in fresh
            )

        while unknown():
            assert time.monotonic() < made + 30, "a new key is not read"
            time.sleep(0.1)
        return [self._made[caller] for caller in callers]

    def request(self, method: str, path: str, credentials: str | None = None, **options: Any) -> Any:
        headers = dict(options.pop("headers", {}))
        if credentials is not None:
            headers["Authorization"] = f"Bearer {credentials}"
        return self.http.request(method, self.base_url + path, headers=headers, retries=False, **options)


@contextmanager
def opened(issuer: Issuer, folder: Path, platform: Platform | None = None, **settings: str) -> Iterator[Door]:
    """A door with `settings` on top of the usual ones; without a platform it is a cm-server that stands alone."""
    folder.mkdir(exist_ok=True)
    port, api_port = free_port(), free_port()
    keys, token_file = folder / "api-keys.json", folder / "cm-api-token"
    api_keys.create(keys, "first", "")
    token_file.write_text("a-service-token-of-this-test\n")
    issuer.told.secret(token_file.read_text().strip())
    servers = platform.environment if platform else os.environ | {"KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:1"}
    shared = servers | {"CM_API_TOKEN_FILE": str(token_file), "HTTP_HOST": HOST}
    auth = {
        "AUTH_MODE": "jwt",
        "AUTH_API_KEYS_FILE": str(keys),
        "AUTH_JWT_ISSUER": issuer.url,
        "AUTH_JWT_AUDIENCE": AUDIENCE,
        "AUTH_JWT_JWKS_URL": f"{issuer.url}/jwks",
        "CM_API_URL": f"http://{HOST}:{api_port}",
        "HTTP_PORT": str(port),
    }
    door = Door(
        f"http://{HOST}:{port}{PREFIX}", f"http://{HOST}:{api_port}", folder / "cm-server.log", folder / "cm-api.log",
        keys, token_file, issuer,
    )  # fmt: skip
    with ExitStack() as stack:
        if platform:
            api = shared | {"HTTP_PORT": str(api_port)}
            stack.enter_context(running([str(BIN / "cm-api")], api, api_port, door.api_log))
        stack.enter_context(running([str(BIN / "cm-server")], shared | auth | settings, port, door.log))
        stack.callback(door.http.clear)
        # The first connection to Kafka is made beside the start.
        while platform and door.request("GET", "/readyz").status != 200:
            time.sleep(0.1)
        yield door


@pytest.fixture(scope="session")
def door(platform: Platform, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with opened(issuer, tmp_path_factory.mktemp("door"), platform) as found:
        yield found


@pytest.fixture(scope="session")
def make_door(issuer: Issuer) -> Callable[..., Any]:
    """`make_door(folder, platform, **settings)`: a door of a test's own."""
    return partial(opened, issuer)


@pytest.fixture(scope="session")
def any_port() -> Callable[[], int]:
    return free_port


@pytest.fixture(autouse=True)
def foreign_settings_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AUTH_", "LIMITS"))]:
        monkeypatch.delenv(name)
