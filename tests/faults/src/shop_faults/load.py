"""An open loop: commands are sent when they are due, however long the answers to earlier ones take.

What got no answer, or was refused for now, is sent again under its Idempotency-Key, ever later, and given up at last.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import urllib3

from shop_faults.customers import Customers
from shop_faults.history import Answer, Command, History, Sent

THREADS = 256
ANSWER_SECONDS = 15.0  # longer than the door may take, so that a late answer is measured
GIVE_UP_SECONDS = 180.0
# As a client with manners: else the load's own repetitions would keep the parts from coming back.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 16.0


class Load:
    """`rate` commands a second to `base`, from `start` to `stop`; the opening is sent before and waited for."""

    def __init__(self, base: str, customers: Customers, rate: float) -> None:
        self.history = History()
        self._base, self._customers, self._rate = base, customers, rate
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
            assert self._changed.wait_for(lambda: self._open == 0, GIVE_UP_SECONDS), "the shop does not open"
        self._thread.start()

    def stop(self) -> None:
        """No new commands; returns when each has its last answer."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
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
            if not (answer.done or answer.refused) and answer.at - sent.due < GIVE_UP_SECONDS:
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
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": f"{self._customers.run}-{command.number}",
        }
        began = time.monotonic()
        try:
            got = self._http.request(command.method, self._base + command.path, body=body, headers=headers)
        except urllib3.exceptions.HTTPError:
            return Answer(began, time.monotonic() - began, 0), ""
        took = time.monotonic() - began
        said = json.loads(got.data) if got.data and 200 <= got.status < 300 else {}
        receipt, id = (got.headers.get(name, "") or said.get(name[2:].lower(), "") for name in ("X-Receipt", "X-Id"))
        return Answer(began, took, got.status, receipt), id
