"""The running platform as a stranger sees it: commands and receipts by HTTP, the database, the consumers' health."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import urllib3

from shop_arrivals.draws import Domain

_SAMPLE = re.compile(r"^(\w+)\{([^}]*)\} (\S+)$", re.MULTILINE)


class Platform(Protocol):
    """What is needed of the platform that tests/conftest.py starts."""

    state_dir: Path
    base_url: str
    bootstrap: str
    db: Any
    environment: dict[str, str]

    def signal(self, name: str, number: int) -> int: ...
    def health_of(self, name: str) -> int: ...
    def processes(self) -> dict[str, Any]: ...
    def shopctl(self, *words: str) -> subprocess.CompletedProcess[str]: ...


@dataclass(frozen=True)
class Told:
    """What a receipt came to, and after how many seconds."""

    state: str
    reason: str
    seconds: float


@dataclass
class Shop:
    """Ways to ask one platform."""

    platform: Platform
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=16, timeout=30))
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8))

    def close(self) -> None:
        self.pool.shutdown()
        self.http.clear()

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> urllib3.BaseHTTPResponse:
        sent = None if body is None else json.dumps(body)
        named = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        url = self.platform.base_url + path
        return self.http.request(method, url, body=sent, headers=named, retries=False)

    def state(self, receipt: str) -> dict[str, Any]:
        answer = self.request("GET", f"/v1/receipts/{receipt}")
        assert answer.status == 200, (receipt, answer.status, answer.data)
        return dict(answer.json())

    def await_results(self, sent: Mapping[str, float], within: float) -> dict[str, Told]:
        """What became of the receipts, by when each was sent; those that are not settled in time are missing."""
        told: dict[str, Told] = {}
        open_ = set(sent)
        while open_:
            asked = sorted(open_)
            for receipt, state in zip(asked, self.pool.map(self.state, asked), strict=True):
                if state["state"] != "accepted":
                    seconds = time.monotonic() - sent[receipt]
                    told[receipt] = Told(state["state"], state["reason"] or "", seconds)
            open_ -= told.keys()
            late = time.monotonic() - within
            if open_ and all(sent[receipt] < late for receipt in open_):
                break
            if open_:
                time.sleep(0.05)
        return told

    def positions(self, domain: Domain) -> dict[int, int]:
        found = self.platform.db["positions"].find({"_id": {"$regex": f"/{domain.topic}/"}})
        return {int(doc["_id"].rpartition("/")[2]): doc["offset"] for doc in found}

    def health(self, domain: Domain, path: str) -> tuple[int, str]:
        """The answer of the consumer's own small server; status 0 when there is none."""
        port = self.platform.health_of(consumer_of(domain))
        try:
            answer = self.http.request("GET", f"http://127.0.0.1:{port}{path}", retries=False, timeout=5)
        except urllib3.exceptions.HTTPError as error:
            return 0, str(error)
        return answer.status, answer.data.decode()

    def metric(self, domain: Domain, name: str) -> dict[int, float]:
        """The samples of a consumer's metric by partition; -1 where it has none."""
        samples: dict[int, float] = {}
        for found, labels, value in _SAMPLE.findall(self.health(domain, "/metrics")[1]):
            if found == name and (f'"{domain.topic}"' in labels or f'"{domain}"' in labels):
                partition = re.search(r'partition="(\d+)"', labels)
                samples[int(partition.group(1)) if partition else -1] = float(value)
        return samples

    def status(self) -> str:
        """What `shopctl status` shows."""
        told = self.platform.shopctl("status", "--state-dir", str(self.platform.state_dir))
        assert told.returncode == 0, told
        return told.stdout

    def status_lag(self, domain: Domain) -> int:
        (line,) = [line for line in self.status().splitlines() if line.startswith(f"cm-api-{domain} ")]
        return int(line.split()[4])

    def log(self, domain: Domain) -> list[dict[str, Any]]:
        """What the consumer has logged."""
        path = self.platform.state_dir / "logs" / f"{consumer_of(domain)}.log"
        lines = (line for line in path.read_text(errors="replace").splitlines() if line.startswith("{"))
        return [json.loads(line) for line in lines]


def consumer_of(domain: Domain) -> str:
    return f"{domain}-consumer-1"


def until(happened: Callable[[], Any], what: str, seconds: float = 30) -> None:
    """Wait for a condition; fails with its words when it does not come true."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.1)


def sent_now(receipts: Iterable[str]) -> dict[str, float]:
    now = time.monotonic()
    return dict.fromkeys(receipts, now)
