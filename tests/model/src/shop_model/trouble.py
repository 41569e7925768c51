"""What befalls the consumers while clients are busy: they are held, killed, and made more and fewer."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

HOLDS = 3
# The embedded database may keep what a killed consumer's transaction wrote to others for a minute: a short run has room
# for one.
KILLS, KILLS_IN_FEW = 2, 1
FEW = 20
CONSUMERS = 2
BUSY = ("catalog", "catalog", "purchases", "analytics", "campaigns")


class Trouble:
    """A thread of its own holds and kills, until the clients have done their `steps` each."""

    def __init__(self, platform: Any, seed: int, steps: int) -> None:
        self.platform = platform
        self.random = random.Random(seed)
        self.left = [self.hold] * HOLDS + [self.kill] * (KILLS if steps > FEW else KILLS_IN_FEW)
        self.random.shuffle(self.left)
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while self.left and not self.done.wait(self.random.uniform(0.5, 2.0)):
            name = f"{self.random.choice(BUSY)}-consumer-{self.random.randint(1, CONSUMERS)}"
            if self.platform.running(name):
                self.left.pop()(name)

    def kill(self, name: str) -> None:
        self.platform.signal(name, signal.SIGKILL)

    def hold(self, name: str) -> None:
        pid = self.platform.signal(name, signal.SIGSTOP)
        self.done.wait(self.random.uniform(0.2, 1.0))  # of a few: one in a transaction holds the embedded database
        os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        self.done.set()
        self.thread.join()


@contextmanager
def one_more(more: Sequence[Any]) -> Iterator[None]:
    """Consumers beside the others within the block: partitions move to them, and back when they leave in order."""
    try:
        yield
    finally:
        for process in more:
            process.terminate()
        for process in more:
            assert process.wait(60) == 0, "a consumer that was asked to leave did not do so in order"


@contextmanager
def held(platform: Any, number: int) -> Iterator[None]:
    """Each domain's consumer of that number does nothing within the block; 0: all go on."""
    names = [f"{domain}-consumer-{number}" for domain in sorted(set(BUSY))] if number else []
    pids = [platform.signal(name, signal.SIGSTOP) for name in names]
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
