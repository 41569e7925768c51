"""An open loop: commands are sent when they are due, however long the answers to earlier ones take.

What got no answer, or was refused for now, is sent again under its Idempotency-Key, ever later, and given up at last.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import urllib3

from shop_core.errors import Unavailable
from shopctl.proof.history import Answer, Command, History, Sent

THREADS = 256
ANSWER_SECONDS = 15.0  # longer than the door may take, so that a late answer is measured
GIVE_UP_SECONDS = 180.0
# As a client with manners: else the load's own repetitions would keep the parts from coming back.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 16.0


class Customers(Protocol):
    """Who draws the commands. `run` is in their Idempotency-Keys."""

    run: str

    def opening(self) -> Sequence[Command]:
        """What is sent and waited for before all else."""
        ...

    def next(self) -> Command: ...

    def ended(self, sent: Sent, id: str) -> None:
        """The last answer to a command is in, and it made or changed this."""
        ...


class OpenLoop:
    """`rate` commands a second to `base`, from `start` to `stop`; the opening is sent before and waited for.

    What has no good answer is sent again until `give_up` seconds after it was due.
    """

    def __init__(
        self,
        base: str,
        customers: Customers,
        rate: float,
        headers: Mapping[str, str] | None = None,
        give_up: float = GIVE_UP_SECONDS,
    ) -> None:
        self.history = History()
        self._base, self._customers, self._rate = base, customers, rate
        self._headers, self._give_up = dict(headers or {}), give_up
        self._http = urllib3.PoolManager(maxsize=THREADS, timeout=ANSWER_SECONDS, retries=False)
        self._pool = ThreadPoolExecutor(THREADS, "faults")
        self._changed = threading.Condition()
        self._again: list[tuple[float, int, Sent]] = []
        self._ties = itertools.count()
        self._open = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        for command in self._customers.opening():
            self._send(command, time.monotonic())
        with self._changed:
            if not self._changed.wait_for(lambda: self._open == 0, self._give_up):
                raise Unavailable("the shop does not open")
        self._thread.start()

    def abandon(self) -> None:
        """No new commands, and none is sent again."""
        with self._changed:
            self._stopping, self._give_up = True, 0.0
            self._open -= len(self._again)
            self._again.clear()
            self._changed.notify_all()

    def stop(self) -> None:
        """No new commands; returns when each has its last answer."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown()
        self._http.clear()

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            with self._changed:
                if self._stopping and self._open == 0:
                    return
                now = time.monotonic()
                following = [self._again[0][0]] if self._again else []
                following += [] if self._stopping else [due]
                if not following or min(following) > now:
                    self._changed.wait(min(following) - now if following else None)
                    continue
                retry = heapq.heappop(self._again)[2] if self._again and self._again[0][0] <= now else None
            if retry is not None:
                self._pool.submit(self._attempt, retry)
            else:
                self._send(self._customers.next(), due)
                due += 1 / self._rate

    def _send(self, command: Command, due: float) -> None:
        with self._changed:
            self._open += 1
            sent = self.history.add(command, due)
        self._pool.submit(self._attempt, sent)

    def _attempt(self, sent: Sent) -> None:
        answer, id = self._ask(sent.command)
        with self._changed:
            sent.answers.append(answer)
            if not (answer.done or answer.refused) and answer.at - sent.due < self._give_up:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (len(sent.answers) - 1))
                heapq.heappush(self._again, (time.monotonic() + pause, next(self._ties), sent))
                self._changed.notify_all()
                return
        self._customers.ended(sent, id)
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def _ask(self, command: Command) -> tuple[Answer, str]:
        """The answer, and the id of what the command is about."""
        body = None if command.body is None else json.dumps(command.body).encode()
        headers = self._headers | {
            "Content-Type": "application/json",
            "Idempotency-Key": f"{self._customers.run}-{command.number}",
        }
        began = time.monotonic()
        try:
            got = self._http.request(
                command.method, self._base + command.path, body=body, headers=headers, redirect=False
            )
        except urllib3.exceptions.HTTPError:
            return Answer(began, time.monotonic() - began, 0), ""
        took = time.monotonic() - began
        said = json.loads(got.data) if got.data and 200 <= got.status < 300 else {}
        receipt, id = (got.headers.get(name, "") or said.get(name[2:].lower(), "") for name in ("X-Receipt", "X-Id"))
        return Answer(began, took, got.status, receipt), id
