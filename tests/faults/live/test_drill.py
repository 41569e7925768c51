"""The drill: kills and poison under load, while the conservation line is read every second. It never shows a loss that
is none, and ends with nothing waiting; then the log, the read models and the history say the same.

DRILL_MINUTES (2; 15 in `make test-long`) is how long it goes on.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import urllib3

from shop_core.errors import Unavailable
from shop_core.events import DOMAINS
from shop_core.events.envelope import Record
from shop_core.kafka.publisher import KafkaPublisher
from shop_faults.cases import CONSUMERS, kill
from shop_faults.customers import Customers
from shop_faults.reader import Reader
from shopctl.proof.checker import check
from shopctl.proof.open_loop import OpenLoop

SECONDS = 60 * float(os.environ.get("DRILL_MINUTES", "2"))
RATE, PAUSE = 30.0, 8.0
VICTIMS = (*CONSUMERS, "database", "kafka", "cm-api", "cm-server")


@dataclass
class Line:
    """The conservation line as cm-ops tells it, again each second; while it can't be asked there is none."""

    platform: Any
    read: int = 0
    wrong: list[dict[str, Any]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def now(self) -> dict[str, Any] | None:
        with suppress(urllib3.exceptions.HTTPError):
            answer = self.platform.request("GET", "/v1/ops/pipeline")
            if answer.status == 200:
                return dict(json.loads(answer.data)["balance"])
        return None

    def watch(self) -> None:
        while not self.over.wait(1.0):
            if (balance := self.now()) is not None:
                self.read += 1
                if balance["difference"] or balance["gone"]:
                    self.wrong.append(balance)

    def calm(self) -> bool:
        balance = self.now()
        return balance is not None and balance["waiting"] == 0


@contextmanager
def watched(line: Line) -> Iterator[None]:
    watching = threading.Thread(target=line.watch)
    watching.start()
    try:
        yield
    finally:
        line.over.set()
        watching.join()


def poison(publisher: KafkaPublisher) -> int:
    """One record that is no event into each topic; how many Kafka has taken."""
    with suppress(Unavailable):
        return len(publisher.publish([Record(domain.topic, b"poison", b"{", ()) for domain in DOMAINS.values()]))
    return 0


@pytest.mark.timeout(SECONDS + 900)
def test_the_line_never_shows_a_loss_that_is_none_and_ends_with_nothing_waiting(
    start_platform: Callable[..., AbstractContextManager[Any]], until: Callable[..., None], tmp_path: Path
) -> None:
    with start_platform(tmp_path / "platform") as platform:
        reader, line = Reader(platform), Line(platform)
        publisher = KafkaPublisher(platform.kafka)
        load = OpenLoop(platform.base_url, Customers(uuid.uuid4().hex[:6], 1), RATE)
        poisoned = 0
        load.start()
        try:
            with watched(line):
                end, victims = time.monotonic() + SECONDS, itertools.cycle(VICTIMS)
                while time.monotonic() < end:
                    poisoned += poison(publisher)
                    time.sleep(PAUSE)
                    kill(next(victims))(platform, 0)
                load.stop()
                until(reader.drained, "all is stored", 180)
                until(line.calm, "nothing waits", 60)
        finally:
            load.stop()
            publisher.close()
        verdict = check(load.history, reader.shown())
        proof = platform.shopctl("verify", "log", "--json", "--work", str(tmp_path / "notebooks"))
        rejected = platform.db["rejections"].count_documents({"_id": {"$regex": "^shop"}})
    assert line.wrong == []
    assert line.read > SECONDS / 4, "mostly there was a line to read"
    assert rejected >= poisoned > 0
    assert verdict.clean, str(verdict)
    assert proof.returncode == 0, proof
