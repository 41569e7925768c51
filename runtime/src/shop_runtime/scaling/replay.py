"""Replays what came into a topic against other settings: how many pods there would be, and how late events. Pure.

Nothing is decided here: it asks what the operator asks, as often as the operator does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shop_runtime.scaling import rule
from shop_runtime.scaling.autoscaler import Autoscaler, Pace
from shop_runtime.scaling.database_guard import Guard
from shop_runtime.scaling.delay_trigger import DelayTrigger
from shop_runtime.scaling.event_age import Ages
from shop_runtime.scaling.rule import Limits
from shop_runtime.scaling.simulation import Group, Noise, World, even
from shop_runtime.scaling.speed import Speed

# OPERATOR_INTERVAL's default.
LOOK_SECONDS = 5


@dataclass(frozen=True)
class Settings:
    """What a ShopConsumer says of scaling; either `lag_threshold` or `drain_within`."""

    minimum: int = 1
    maximum: int = 12
    lag_threshold: int | None = None
    drain_within: str = "30s"
    database_guard: bool = False
    max_delay: str | None = None
    activation: int = 0
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True)
class Moment:
    """One second: events not stored, age of the oldest of them, pods asked for and pods that read, and why."""

    at: int
    lag: int
    delay: float
    asked: int
    ready: int
    reason: str


def replay(
    arrivals: Sequence[float], world: World, settings: Settings, lag: float = 0.0, noise: Noise = even
) -> list[Moment]:
    """`arrivals` are events a second; `lag` waits at the start; `noise` is the share of its speed that a group has."""
    pods = settings.minimum
    group, autoscaler, guard = Group(world, pods, lag, noise), Autoscaler(settings.pace, pods), Guard()
    speed, ages, trigger, threshold = Speed(world.rate), Ages(), DelayTrigger(), settings.lag_threshold
    floor = None
    moments = []
    for now, arrived in enumerate(arrivals):
        seen = group.seen()
        age = ages.observe(now, seen)
        if now % LOOK_SECONDS == 0:
            speed.observe(now, seen, group.ready)
            if settings.database_guard:
                guard.observe(now, seen, group.ready, pods, min(settings.maximum, world.partitions))
            if settings.max_delay is not None:
                floor = trigger.observe(now, seen, age, settings.max_delay, group.ready, settings.pace.cooldown)
            if settings.lag_threshold is None:
                threshold = rule.threshold_for(settings.drain_within, speed.per_pod, threshold)
        if threshold is None:
            raise ValueError("neither a lag a pod nor a time to drain within is set")
        limits = Limits(
            settings.minimum,
            settings.maximum,
            None,
            threshold,
            cap=guard.cap,
            floor=floor,
            activation=settings.activation,
        )
        decision = rule.decide(limits, seen, keda=True)
        asked = autoscaler.second(now, limits, decision.wanted or 0, seen.lag)
        moments.append(Moment(now, seen.lag, age.seconds, asked, group.ready, decision.reason))
        group.second(arrived, asked)
    return moments
