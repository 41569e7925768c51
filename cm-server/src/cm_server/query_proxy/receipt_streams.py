"""Whoever listens to what becomes of a command, by Server-Sent Events. One thread of each worker process asks cm-api
for all of them at once, so one more listener costs a connection and a line of that question.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from cm_server.query_proxy.waiting import Waiting
from shop_core.http.worker.streams import Stream
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
MOST = 256  # listeners of one process; one caller gets half of the places that are left
MOST_SECONDS = 60.0
BEAT_SECONDS = 10.0  # proxies give up on what is silent for longer than a minute
AGAIN_MS = 2000  # after which a client whose stream ended before the command was settled asks again
PAUSES = (0.02, 0.04, 0.08, 0.16, 0.3)  # between two looks at one receipt, ever longer
UNANSWERED = 3  # questions in a row
UNANSWERED_PAUSE = 1.0
BEAT = b": still waiting\n\n"


class Asked(Protocol):
    """Who tells what became of receipts: `cm_server.query_proxy.client.QueryClient`."""

    def states(self, receipts: Sequence[str]) -> list[dict[str, Any]] | None: ...


def event(state: dict[str, Any]) -> bytes:
    """One state as an event, whose id a client that comes back tells as Last-Event-ID."""
    return b"id: %b\ndata: %b\n\n" % (state["state"].encode(), msgspec.json.encode(state))


@dataclass
class _Listener:
    receipt: str
    stream: Stream
    who: str
    until: float
    beat: float
    due: float
    looks: int = 0
    unanswered: int = 0


@dataclass
class ReceiptStreams:
    """Those of one process."""

    asked: Asked
    clock: Callable[[], float] = time.monotonic
    _places: Waiting = field(default_factory=lambda: Waiting(MOST))
    _listeners: list[_Listener] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None

    def listen(self, receipt: str, who: str, begin: Callable[[float], Stream]) -> bool:
        """Tell the stream that `begin` makes what becomes of `receipt`; False where there is no place for `who`."""
        if not self._places.take(who):
            metrics.STREAMS.labels("refused").inc()
            return False
        now = self.clock()
        # The connection outlives its stream, so that the end of the answer gets out.
        stream = begin(MOST_SECONDS + BEAT_SECONDS)
        with self._changed:
            self._listeners.append(
                _Listener(receipt, stream, who, now + MOST_SECONDS, now + BEAT_SECONDS, now + PAUSES[0])
            )
            metrics.LISTENERS.inc()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="receipt-streams", daemon=True)
                self._thread.start()
            self._changed.notify()
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                pause = min((each.due for each in self._listeners), default=float("inf")) - self.clock()
                if pause > 0:
                    self._changed.wait(None if pause == float("inf") else pause)
                    continue
            try:
                self.look()
            except Exception:  # of ours: the others go on listening
                log.exception("receipt_streams_failed")
                time.sleep(UNANSWERED_PAUSE)

    def look(self) -> None:
        """Ask about those whose time it is, and tell them."""
        now = self.clock()
        with self._changed:
            due = [each for each in self._listeners if each.due <= now]
        asked = [each for each in due if not self._ended(each, now)]
        if not asked:
            return
        found = self.asked.states([each.receipt for each in asked])
        now = self.clock()
        for number, listener in enumerate(asked):
            self._tell(listener, found[number] if found else None, now)

    def _ended(self, listener: _Listener, now: float) -> bool:
        if listener.stream.gone:
            self._drop(listener, "left")
        elif now >= listener.until:
            self._drop(listener, "expired")
        else:
            return False
        return True

    def _tell(self, listener: _Listener, state: dict[str, Any] | None, now: float) -> None:
        if state is None:
            listener.unanswered += 1
            listener.due = now + UNANSWERED_PAUSE
            if listener.unanswered == UNANSWERED:
                self._drop(listener, "unanswered")
                return
        elif state["state"] != "accepted":
            listener.stream.send(event(state))
            self._drop(listener, "settled")
            return
        else:
            listener.unanswered = 0
            listener.due = now + PAUSES[min(listener.looks, len(PAUSES) - 1)]
            listener.looks += 1
        if now >= listener.beat:
            listener.beat = now + BEAT_SECONDS
            listener.stream.send(BEAT)

    def _drop(self, listener: _Listener, outcome: str) -> None:
        listener.stream.end()
        with self._changed:
            self._listeners.remove(listener)
        self._places.give_back(listener.who)
        metrics.LISTENERS.dec()
        metrics.STREAMS.labels(outcome).inc()
