"""One whole real platform a session, started and stopped by the command line on ports of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import redis
import urllib3
from pymongo import MongoClient

from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.kafka.topic_reader import read_all
from shop_security.surroundings import clean_environment
from shop_security.told import Told
from shopctl.layout import HOST, PREFIX, Ports, layout_of
from shopctl.state import ProcessState, StateDirectory

pytest_plugins = ["shop_security.record"]
BIN = Path(sys.executable).parent
TOPIC = "shop.purchases"


@dataclass
class Platform:
    """A running platform: its addresses, its processes, and short ways to ask it something."""

    state_dir: Path
    ports: Ports
    database: str = "shop"
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=32, timeout=30))

    def __post_init__(self) -> None:
        self.base_url = f"http://{HOST}:{self.ports.cm_server}{PREFIX}"
        self.api_url = f"http://{HOST}:{self.ports.cm_api}"
        self.bootstrap = f"{HOST}:{self.ports.kafka}"
        self.kafka = KafkaConnection(self.bootstrap)
        self.mongodb_uri = f"mongodb://{HOST}:{self.ports.database}"
        self.mongo: MongoClient[dict[str, Any]] = MongoClient(self.mongodb_uri, tz_aware=True)
        self.db = self.mongo[self.database]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command that is to work on this platform."""
        servers = {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "MONGODB_URI": self.mongodb_uri,
            "MONGODB_DATABASE": self.database,
        }
        return clean_environment() | servers

    def shopctl(self, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "shopctl"), *words]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.environment | extra, timeout=1200, check=False
        )

    @staticmethod
    def tool(name: str) -> str:
        """A program of the environment under test."""
        return str(BIN / name)

    def health_of(self, name: str) -> int:
        """The port on which a consumer tells its health and metrics."""
        return int(self.processes()[name].address.rpartition(":")[2])

    def processes(self) -> dict[str, ProcessState]:
        state = StateDirectory(layout_of(self.state_dir)).read()
        return {process.name: process for process in state.processes} if state else {}

    def running(self, *names: str) -> bool:
        now = self.processes()
        return all(now[name].state == "running" for name in names or now)

    def pid(self, name: str) -> int:
        """Of the process of this name, which leads its group."""
        pid = self.processes()[name].pid
        assert pid is not None, f"{name} does not run"
        return pid

    def signal(self, name: str, number: int) -> int:
        """Send a signal to a process by its name; its pid. After SIGSTOP, none of its threads runs any more."""
        pid = self.pid(name)
        os.kill(pid, number)
        if number == signal.SIGSTOP:
            wait_until(lambda: all_stopped(pid), f"{name} stands still", 10)
        return pid

    def request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        """A request below the base address, without retries."""
        return self.http.request(method, self.base_url + path, retries=False, **options)

    def positions(self, topic: str = TOPIC) -> dict[int, int]:
        found = self.db["positions"].find({"_id": {"$regex": f"/{topic}/"}})
        return {int(doc["_id"].rpartition("/")[2]): doc["offset"] for doc in found}

    def passed(self, ends: dict[int, int], topic: str = TOPIC) -> bool:
        """Whether the read model has everything below `ends`, by partition."""
        now = self.positions(topic)
        return all(now.get(partition, 0) >= end for partition, end in ends.items())

    def document(self, collection: str, id: str) -> dict[str, Any]:
        """The document of this id, which is there."""
        doc = self.db[collection].find_one({"_id": id})
        assert doc is not None, f"{collection} has no {id}"
        return doc

    def letters(self) -> list[Any]:
        return read_all(self.kafka, f"{TOPIC}.dlq")

    def close(self) -> None:
        self.mongo.close()
        self.http.clear()


StartPlatform = Callable[..., AbstractContextManager[Platform]]


def free_offset() -> int:
    """An offset at which every port of a platform is free, below the ports that the system gives out by itself."""
    start = 3900 + os.getpid() % 90 * 20
    for offset in chain(range(start, 5700, 20), range(1200, start, 20)):
        ports = Ports.shifted(offset)
        every = (*vars(ports).values(), *range(ports.health, ports.health + 10))
        if all(is_free(port) for port in every):
            return offset
    raise AssertionError("no free ports for a platform")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


@contextmanager
def running(state_dir: Path, *words: str, **extra: str) -> Iterator[Platform]:
    """A platform of its own, started with `words` and `extra` variables, stopped at the end."""
    offset = free_offset()
    place = ("--state-dir", str(state_dir))
    environment = clean_environment() | {"CONSUMER_SESSION_TIMEOUT_MS": "3000"} | extra

    def shopctl(*command: str) -> subprocess.CompletedProcess[str]:
        line = [str(BIN / "shopctl"), *command, *place]
        return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=180, check=False)

    answer = shopctl("up", "--detach", "--fresh", "--offset", str(offset), *words)
    assert answer.returncode == 0, answer
    platform = Platform(state_dir, Ports.shifted(offset))
    try:
        yield platform
    finally:
        platform.close()
        answer = shopctl("down")
        assert answer.returncode == 0, answer


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at the whole run comes at its end."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def told() -> Told:
    """What this run tells the shop in confidence."""
    return Told()


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, told: Told) -> Iterator[Platform]:
    """The platform that all tests of a session share; a test that breaks a part waits until it runs again."""
    with running(tmp_path_factory.mktemp("platform"), "--consumers", "purchases=2") as platform:
        settle(platform, told.canary)
        yield platform


def settle(platform: Platform, canary: str) -> None:
    """Let somebody do all that a person can, whose name and words are looked for at the end of the run."""
    headers = {"Content-Type": "application/json", "Prefer": "wait=20"}

    def send(method: str, path: str, status: int, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body)
        answer = platform.request(method, path, headers=headers, body=sent)
        assert answer.status == status, (path, answer.status, answer.data)
        return answer.json() if answer.data else None

    bought = {"username": canary, "userid": canary, "price": "1"}
    send("POST", "/buy", 200, bought)
    send("POST", "/v1/purchases:batch", 202, [bought])
    product = send("POST", "/v1/products", 201, {"name": "cage", "price": "1"})["id"]
    review = {"userid": canary, "rating": 5, "text": f"said by {canary}", "displayName": canary}
    send("POST", f"/v1/products/{product}/reviews", 201, review)
    send("POST", f"/v1/products/{product}/reviews", 409, review)
    send("DELETE", f"/v1/products/{product}", 204)
    send("POST", f"/analytics?timestamp=1000000000000&user={canary}&click", 204)


@dataclass
class RedisServer:
    """A real Redis or Valkey on a port of its own, which may be killed and started again there."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://{HOST}:{self.port}/0"

    def start(self) -> subprocess.Popen[bytes]:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        assert program, "a redis-server is needed: run scripts/bootstrap redis"
        command = [program, "--port", str(self.port), "--bind", HOST, "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        return self.process

    def answers(self) -> bool:
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """The server, answering, until the end of the block."""
    server = RedisServer(folder)
    server.start()
    try:
        deadline = time.monotonic() + 20
        while not server.answers():
            assert time.monotonic() < deadline, "redis does not answer"
            time.sleep(0.05)
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def start_redis() -> Callable[[Path], AbstractContextManager[RedisServer]]:
    return running_redis


@pytest.fixture(scope="session")
def start_platform() -> StartPlatform:
    """For tests that need a platform with settings of its own."""
    return running


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for a condition; fails with its words when it does not come true."""
    return wait_until


def wait_until(happened: Callable[[], Any], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)


def all_stopped(pid: int) -> bool:
    """Whether each thread of a process is stopped: SIGSTOP reaches one after the other."""
    stats = (stat.read_text() for stat in Path(f"/proc/{pid}/task").glob("*/stat"))
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


@pytest.fixture
def publisher(platform: Platform) -> Iterator[KafkaPublisher]:
    """The way to the topics that does not go by cm-server's checks."""
    publisher = KafkaPublisher(platform.kafka)
    assert publisher.connected(10)
    yield publisher
    publisher.close()
