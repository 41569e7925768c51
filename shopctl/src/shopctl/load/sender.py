"""Sends at the scheduled times, whether or not earlier requests were answered (open loop), by a pool of threads.

A closed loop would slow down with the shop and so hide how slow it is; for the same reason time counts from when a
request was due.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from urllib.parse import quote

import urllib3

from shop_core.errors import Unavailable
from shopctl.load.profiles import Request
from shopctl.load.tally import Outcome, Receipts, Tally

ANSWER_WITHIN = 10.0
GIVEN_UP_AFTER = 10.0  # that a request waited for a free connection: bounds how long it goes on after the end
ASK_AGAIN_AFTER = 0.25
UNKNOWN = "unknown"


def threads_for(rate: float) -> int:
    """Enough for answers that take a tenth of a second, within what a machine has."""
    return min(200, max(16, round(rate / 10)))


class Sender:
    """Threads and connections to one address; closed, it leaves none."""

    def __init__(self, base: str, headers: Mapping[str, str], threads: int, tally: Tally) -> None:
        self._base, self._threads, self._tally = base, threads, tally
        self._headers = dict(headers)
        timeout = urllib3.Timeout(ANSWER_WITHIN)
        self._http = urllib3.PoolManager(maxsize=threads, block=True, retries=False, timeout=timeout)
        self._pool = ThreadPoolExecutor(threads, "load")
        self._stopped = threading.Event()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)
        self._http.clear()

    def products(self) -> list[str]:
        """The ids of the catalog's first products; also shows that the platform answers at all."""
        try:
            answer = self._http.request(
                "GET", f"{self._base}/v1/products?limit=100", headers=self._headers, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{self._base} does not answer: {type(error).__name__}.") from None
        if answer.status != 200:
            raise Unavailable(f"{self._base}/v1/products answers {answer.status} instead of its products.")
        try:
            return [str(product["id"]) for product in answer.json()["products"]]
        except (ValueError, KeyError, TypeError):
            raise Unavailable(f"{self._base}/v1/products answers with something else than products.") from None

    def drive(self, planned: Iterable[tuple[float, Request]]) -> None:
        """Send each at its moment, and return when all are answered or given up."""
        waiting: SimpleQueue[tuple[float, Request] | None] = SimpleQueue()
        start = time.monotonic()
        workers = [self._pool.submit(self._work, waiting) for _ in range(self._threads)]
        try:
            for due, request in planned:
                self._stopped.wait(max(0.0, start + due - time.monotonic()))
                self._tally.add_due()
                waiting.put((start + due, request))
        finally:
            for _ in workers:
                waiting.put(None)
        for each in workers:
            each.result()

    def stop(self) -> None:
        """What waits for a connection is given up."""
        self._stopped.set()

    def receipts(self, receipts: Sequence[str], given: int, patience: float) -> Receipts:
        """Ask for each until it is stored or rejected, or the patience is over."""
        start = time.monotonic()
        states: dict[str, str] = {}
        left = list(receipts)
        while left:
            states |= zip(left, self._pool.map(self._state, left), strict=True)
            left = [receipt for receipt in left if states[receipt] in ("accepted", UNKNOWN)]
            if not left or time.monotonic() - start >= patience:
                break
            time.sleep(ASK_AGAIN_AFTER)  # the receipts are many: each asks at once, none holds a thread of the server
        return Receipts(Counter(states.values()), given, time.monotonic() - start)

    def _work(self, waiting: SimpleQueue[tuple[float, Request] | None]) -> None:
        while (item := waiting.get()) is not None:
            self._send(*item)

    def _send(self, due: float, request: Request) -> None:
        late = time.monotonic() - due
        if late > GIVEN_UP_AFTER or self._stopped.is_set():
            self._tally.add_unsent()
            return
        status, receipt = None, None
        try:
            status, body = self._exchange(request)
            receipt = _receipt(body) if request.body is not None and status < 300 else None
        except urllib3.exceptions.HTTPError:
            pass  # no answer, which the tally counts
        self._tally.add(Outcome(status, time.monotonic() - due, late, receipt))

    def _exchange(self, request: Request) -> tuple[int, bytes]:
        method, headers = "GET", self._headers
        if request.body is not None:
            method, headers = "POST", self._headers | {"Content-Type": "application/json"}
        answer = self._http.request(
            method, self._base + request.path, body=request.body, headers=headers, redirect=False
        )
        return answer.status, answer.data

    def _state(self, receipt: str) -> str:
        try:
            status, body = self._exchange(Request(f"/v1/receipts/{quote(receipt, safe='')}"))
            return str(json.loads(body)["state"]) if status == 200 else UNKNOWN
        except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError):
            return UNKNOWN


def _receipt(body: bytes) -> str | None:
    try:
        return str(json.loads(body)["receipt"])
    except (ValueError, KeyError, TypeError):
        return None
