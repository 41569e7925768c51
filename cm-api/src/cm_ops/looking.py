"""The one look at Kafka and MongoDB that is for all who watch: by a thread of its own, at most once a second while
somebody asks, every few seconds otherwise, so that there is a past to show.

Who asks waits for a look that is new enough, and never longer than for an answer's time: a broker that hangs holds
the thread here, and nobody else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from cm_ops.history import History
from cm_ops.snapshot import domain_state, snapshot, totals, with_rates
from shop_core.errors import ShopError, Unavailable
from shop_core.events.envelope import Domain
from shop_core.kafka.group_watch import LogState
from shop_core.mongo.positions import Account
from shop_core.responses.operations import OpsHistory, OpsSnapshot
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
FRESH_SECONDS = 1.0
UNWATCHED_SECONDS = 5.0
ANSWER_SECONDS = 2.5


class Away(Unavailable):
    """`part` does not answer, so nothing can be told."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} does not answer")
        self.part = part


class Logs(Protocol):
    """`shop_core.kafka.group_watch.GroupWatch`."""

    def look(self) -> Mapping[str, LogState]: ...

    def close(self) -> None: ...


class Looking:
    """Of one process. `accounts` tells a domain's positions."""

    def __init__(
        self, domains: Sequence[Domain], accounts: Callable[[Domain], Mapping[int, Account]], logs: Logs
    ) -> None:
        self._domains, self._accounts, self._logs = domains, accounts, logs
        self._history = History()
        self._changed = threading.Condition()
        self._asked = self._closing = False
        self._began = self._ended = float("-inf")
        self._latest: OpsSnapshot | Away = Away("Kafka or MongoDB")
        self._thread = threading.Thread(target=self._run, name="looking", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(10)
        self._logs.close()

    def now(self) -> OpsSnapshot:
        """At most a second old; `Away` where Kafka or MongoDB does not answer."""
        wanted = time.monotonic() - FRESH_SECONDS
        with self._changed:
            if self._ended < wanted:
                self._asked = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._ended >= wanted, ANSWER_SECONDS)
            latest = self._latest if self._ended >= wanted else Away("Kafka or MongoDB")
        if isinstance(latest, Away):
            raise Away(latest.part) from latest
        return latest

    def history(self) -> OpsHistory:
        return self._history.told()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked or self._closing, UNWATCHED_SECONDS)
                self._changed.wait_for(lambda: self._closing, self._began + FRESH_SECONDS - time.monotonic())
                if self._closing:
                    return
                self._asked, self._began = False, time.monotonic()
            latest = self._looked()
            with self._changed:
                self._latest, self._ended = latest, time.monotonic()
                self._changed.notify_all()

    def _looked(self) -> OpsSnapshot | Away:
        try:
            found = self.look()
        except Away as away:
            metrics.LOOKS.labels("failed").inc()
            if not isinstance(self._latest, Away) or self._latest.part != away.part:
                log.warning("dependency_away", extra={"dependency": away.part, "error": str(away.__cause__)})
            return away
        except Exception:  # a fault of ours must not end the thread
            metrics.LOOKS.labels("failed").inc()
            log.exception("look_failed")
            return Away("cm-ops itself")
        metrics.LOOKS.labels("answered").inc()
        return found

    def look(self) -> OpsSnapshot:
        """The positions first, the logs after: what is stored by then is in them."""
        with away("MongoDB"):
            accounts = {domain.name: self._accounts(domain) for domain in self._domains}
        with away("Kafka"):
            logs = self._logs.look()
        at = datetime.now(UTC)
        states = [domain_state(domain, accounts[domain.name], logs[domain.name]) for domain in self._domains]
        self._history.add(at, {state.name: totals(state) for state in states})
        for state in states:
            metrics.UNACCOUNTED.labels(state.name).set(state.balance.difference)
        return snapshot(at, [with_rates(state, self._history.rates(state.name)) for state in states])


@contextmanager
def away(part: str) -> Iterator[None]:
    """Say of whatever is not told in the block that it is `part` that does not answer."""
    try:
        yield
    except ShopError as error:
        raise Away(part) from error
