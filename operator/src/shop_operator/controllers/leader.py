"""One leader by a Lease: the one that holds it works, the others stand by and take it over when it falls silent.

Kubernetes' own rules: another one's clock is never trusted, only how long ago, by our own clock, its record changed
last; and a leader that could not renew stops well before another may take over. It stops by ending the process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shop_operator import metrics
from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Term:
    """How long a silence is borne (`lease`), when a leader gives up (`renew`), and the time between two tries."""

    lease: float
    renew: float
    retry: float

    @classmethod
    def of(cls, seconds: int) -> Term:
        return cls(lease=seconds, renew=seconds * 2 / 3, retry=max(0.5, seconds / 5))


class Watch:
    """What is known of another holder's record, by our own clock."""

    def __init__(self) -> None:
        self._record: Any = None
        self._since = 0.0

    def silent_for(self, record: Any, now: float) -> float:
        """Seconds since `record` was first seen as it is."""
        if record != self._record:
            self._record, self._since = record, now
        return now - self._since


class Elector:
    """Runs for the Lease in a thread of its own. `leading` is set once; `lost` is called if it is lost again."""

    def __init__(
        self, cluster: Cluster, namespace: str, name: str, identity: str, term: Term, lost: Callable[[], object]
    ) -> None:
        self.leading = threading.Event()
        self._cluster, self._place, self._identity, self._term = cluster, (namespace, name), identity, term
        self._lost = lost
        self._watch = Watch()
        self._stop = threading.Event()
        self._mine: Manifest | None = None
        self._thread = threading.Thread(target=self._run, name="elector", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Give the Lease back, so that another one takes it at once."""
        self._stop.set()
        self._thread.join(timeout=5)
        if self.leading.is_set():
            try:
                self._mine = None
                self._write(self._cluster.get("Lease", *self._place), holder="")
            except ClusterError as error:
                log.warning("lease_kept", extra={"error": str(error)})

    def _run(self) -> None:
        renewed = time.monotonic()
        while not self._stop.is_set():
            started = time.monotonic()
            if self._try():
                renewed = started
                if not self.leading.is_set():
                    log.info("leading", extra={"lease": "/".join(self._place), "identity": self._identity})
                    metrics.LEADER.set(1)
                    self.leading.set()
            elif self.leading.is_set() and time.monotonic() - renewed > self._term.renew:
                log.error("lead_lost", extra={"identity": self._identity})
                self._lost()
                return
            self._stop.wait(self._term.retry)

    def _try(self) -> bool:
        """Take or renew the Lease; whether it is ours now."""
        try:
            # While it is ours, nobody else writes it: the version that we wrote last is enough.
            live = self._mine or self._cluster.get("Lease", *self._place)
            spec = live["spec"] if live else {}
            holder = spec.get("holderIdentity", "")
            if holder not in ("", self._identity):
                lasts = float(spec.get("leaseDurationSeconds", self._term.lease))
                if self._watch.silent_for((holder, spec.get("renewTime")), time.monotonic()) < lasts:
                    return False
            self._write(live, self._identity)
            return True
        except ClusterError as error:
            self._mine = None
            if error.status != 409:  # 409: somebody else was faster
                log.warning("lease_failed", extra={"error": str(error)})
            return False

    def _write(self, live: Manifest | None, holder: str) -> None:
        """Create or replace; the resource version that was read makes sure that nobody wrote in between."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = dict(live["spec"]) if live else {}
        if spec.get("holderIdentity") != holder:
            spec |= {"acquireTime": now, "leaseTransitions": spec.get("leaseTransitions", -1) + 1}
        spec |= {"holderIdentity": holder, "leaseDurationSeconds": round(self._term.lease), "renewTime": now}
        if live is None:
            meta = {"name": self._place[1], "namespace": self._place[0]}
            self._mine = self._cluster.create(
                {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
            )
        else:
            self._mine = self._cluster.replace({**live, "kind": "Lease", "spec": spec})
