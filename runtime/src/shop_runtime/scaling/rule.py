"""Why n pods: the rule that decides, in KEDA's own arithmetic, so that status and Events can say it. Pure.

KEDA and the HPA scale; this module derives the lag threshold that they are given, and explains what they do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from shop_runtime.scaling.group_state import Observation

# Until a pod's speed has been measured, it is taken for this slow: too many pods at first rather than too few.
ASSUMED_RATE = 100.0
DRY = "DryRun"
_TOLERANCE = 0.1
_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Decision:
    """How many pods a rule asks for (None: they stay as they are), the mode, and the rule as a phrase."""

    wanted: int | None
    mode: str  # Auto, DryRun, Pinned or Waiting
    reason: str


@dataclass(frozen=True)
class Cap:
    """Pods beyond which none helps, and why."""

    pods: int
    why: str
    found: bool = True  # not only tried


@dataclass(frozen=True)
class Floor:
    """Pods that are needed though the lag alone would ask for fewer, and why."""

    pods: int
    why: str


@dataclass(frozen=True)
class Limits:
    """What a ShopConsumer allows."""

    minimum: int
    maximum: int
    pinned: int | None
    threshold: int
    warm: str = ""  # the campaign that the minimum is raised for, in words
    dry: bool = False  # decide, and change nothing
    cap: Cap | None = None
    floor: Floor | None = None
    activation: int = 0  # lag that wakes no pod where the minimum is 0

    @property
    def most(self) -> int:
        """Pods at most, whatever the lag."""
        return self.maximum if self.cap is None else min(self.maximum, self.cap.pods)

    @property
    def least(self) -> int:
        """Pods at least, whatever the lag."""
        return max(self.minimum, min(self.most, self.floor.pods if self.floor else 0))

    @property
    def lowest(self) -> str:
        return f"minReplicas {self.minimum}{self.warm}"


def decide(limits: Limits, seen: Observation | None, *, keda: bool, trouble: str = "", hold: str = "") -> Decision:
    """The rule that decides now. `seen` is None where Kafka or the topic is away; `trouble` says which. `hold` is a
    reason to leave the pods as they are whatever is seen."""
    if limits.pinned is not None:
        return Decision(limits.pinned, "Pinned", f"pinned at {limits.pinned} by spec.replicas")
    if not keda and not limits.dry:
        held = max(1, limits.minimum)
        more = f"; {trouble or 'Kafka does not answer'}" if seen is None else f"; {hold}" if hold else ""
        return Decision(held, "Waiting", f"KEDA is missing: held at {held}{more}")
    if hold:
        return Decision(None, "Waiting", f"{hold}; pods stay as they are")
    if seen is None:
        return Decision(None, "Waiting", f"{trouble or 'Kafka does not answer'}: pods stay as they are")
    found = _by_lag(limits, seen)
    return Decision(found.wanted, DRY, f"would be {found.wanted}: {found.reason}") if limits.dry else found


def _by_lag(limits: Limits, seen: Observation) -> Decision:
    if seen.lag == 0:
        return Decision(limits.minimum, "Auto", f"no lag: {limits.lowest}")
    if limits.minimum == 0 and seen.lag <= limits.activation:
        return Decision(
            0, "Auto", f"lag {seen.lag} is not above activationLagThreshold {limits.activation}: {limits.lowest}"
        )
    need, said, how = math.ceil(seen.lag / limits.threshold), f"lag {seen.lag}", f" / {limits.threshold} a pod = "
    if limits.floor is not None and limits.floor.pods > need:
        need, said, how = limits.floor.pods, limits.floor.why, ": "
    busy = sum(1 for partition in seen.partitions if partition.lag > 0)
    caps = [
        (limits.maximum, f"maxReplicas {limits.maximum}"),
        (len(seen.partitions), f"{len(seen.partitions)} partitions"),
        (busy, f"{busy} of {len(seen.partitions)} partitions have lag"),
        *([(limits.cap.pods, limits.cap.why)] if limits.cap else []),
    ]
    cap, why = min(caps, key=lambda entry: entry[0])
    if max(limits.minimum, min(need, cap)) == limits.minimum and need <= limits.minimum:
        return Decision(limits.minimum, "Auto", f"{limits.lowest}: {said} needs {need}")
    if need > cap:
        return Decision(max(limits.minimum, cap), "Auto", f"{why}: {said} would need {need}")
    return Decision(need, "Auto", f"{said}{how}{need}")


def tolerated(wanted: int, asked: int) -> bool:
    """Whether the HPA leaves the difference alone."""
    return abs(wanted - asked) <= _TOLERANCE * max(wanted, asked)


def seconds(duration: str) -> int:
    """'30s', '5m', '1h' as seconds; the schema lets nothing else in."""
    return int(duration[:-1]) * _UNITS[duration[-1]]


def threshold_for(drain_within: str, rate_per_pod: float | None, previous: int | None) -> int:
    """The lag that one pod works off in the wanted time. Stays as it was within a fifth, since each change makes KEDA
    build its scaler anew."""
    rate = rate_per_pod if rate_per_pod is not None else ASSUMED_RATE
    fresh = max(1, round(rate * seconds(drain_within)))
    if previous is not None and abs(fresh - previous) <= previous / 5:
        return previous
    return fresh


def shown(duration: float) -> str:
    """A duration in its largest fitting unit."""
    if duration < 120:
        return f"{math.ceil(duration)}s"
    if duration < 7200:
        return f"{math.ceil(duration / 60)}m"
    return f"{math.ceil(duration / 3600)}h"
