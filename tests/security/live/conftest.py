"""A broker and a database that ask everybody who they are, by TLS only, and a shop on them; one a session."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import urllib3

from shop_security.authority import Authority
from shop_security.secured import BIN, Secured, replace
from shop_security.servers import Database, serving
from shop_security.told import Told
from shopctl.layout import HOST, PREFIX
from shopctl.supervisor import spawn


@pytest.fixture(scope="session")
def servers(
    tmp_path_factory: pytest.TempPathFactory, any_port: Callable[[], int], told: Told
) -> Iterator[tuple[Secured, Database]]:
    folder = tmp_path_factory.mktemp("secured")
    found = Secured(folder, any_port(), any_port(), Authority(folder / "authority"))
    told.secret(*found.passwords())
    with serving(found, any_port()) as database:
        yield found, database


@pytest.fixture(scope="session")
def secured(servers: tuple[Secured, Database]) -> Secured:
    """Where both servers are, and who may do what there."""
    return servers[0]


@pytest.fixture(scope="session")
def database(servers: tuple[Secured, Database]) -> Database:
    """The database's process, for those who start it again."""
    return servers[1]


@dataclass
class Shop:
    """cm-server, cm-api and two consumers on the secured servers, each as its own user."""

    secured: Secured
    url: str
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[bytes]]
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=16, timeout=30))

    def request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        return self.http.request(method, self.url + path, retries=False, **options)

    def holders(self) -> dict[str, list[str]]:
        """Who has clients of their own: each service's workers by pid, each consumer by how often it began."""
        found = {}
        for name, process in self.processes.items():
            begun = [str(number) for number in range(self.log_of(name).count('"partitions_sought"'))]
            workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            found[name] = begun if name.endswith("-consumer") else workers
        return found

    def log_of(self, name: str) -> str:
        return (self.secured.folder / f"{name}.log").read_text()


@pytest.fixture(scope="session")
def shop(secured: Secured, any_port: Callable[[], int]) -> Iterator[Shop]:
    ports = {name: any_port() for name in ("cm-server", "cm-api", "purchases-consumer", "catalog-consumer")}
    with ExitStack() as stack:
        running: list[subprocess.Popen[bytes]] = []
        for name, port in ports.items():
            command, environ = [str(BIN / name)], {"HTTP_PORT": str(port), "HTTP_HOST": HOST}
            user = {"cm-server": None, "cm-api": "shop-reader"}.get(name, name)  # a consumer's has its own name
            if name.endswith("-consumer"):
                command = [str(BIN / "cm-api-consumer"), "--domain", name.removesuffix("-consumer")]
                environ = {"HEALTH_PORT": str(port)}
            if name == "cm-server":
                environ |= {"CM_API_URL": f"http://{HOST}:{ports['cm-api']}", "HTTP_WORKERS": "2"}
            log = secured.folder / f"{name}.log"
            process = spawn(command, secured.environ(name, user, **environ), log)
            stack.callback(process.wait, 60)
            running.append(process)
        stack.callback(terminate, running)
        url = f"http://{HOST}:{ports['cm-server']}{PREFIX}"
        found = Shop(secured, url, ports, dict(zip(ports, running, strict=True)))
        stack.callback(found.http.clear)
        for name, port in ports.items():
            wait_ready(found, name, port)
        yield found


def terminate(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()


def wait_ready(shop: Shop, name: str, port: int) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            answer = shop.http.request("GET", f"http://{HOST}:{port}/readyz", retries=False, timeout=5)
            if answer.status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        assert time.monotonic() < deadline, shop.log_of(name)[-3000:]
        time.sleep(0.1)


@pytest.fixture
def trusting(secured: Secured) -> ssl.SSLContext:
    """TLS that believes the servers' authority."""
    return ssl.create_default_context(cafile=str(secured.ca))


@pytest.fixture(scope="session")
def make_authority() -> Callable[[Path], Authority]:
    return Authority


@pytest.fixture(scope="session")
def replace_file() -> Callable[[Path, str], None]:
    return replace
