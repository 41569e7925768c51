"""`shopctl scale simulate`: a recorded history under other settings, by the operator's own decision code."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence

from shop_core.errors import ConfigError
from shop_runtime.scaling.autoscaler import Pace
from shop_runtime.scaling.replay import Moment, Settings, replay
from shop_runtime.scaling.simulation import World
from shopctl.scale import history, plot
from shopctl.scale.history import Row
from shopctl.terminal import as_json


def run(options: argparse.Namespace) -> int:
    rows = history.read(options.history)
    arrived, world, settings = history.arrivals(rows), _world(options, rows), _settings(options)
    waits = 0 if rows[0].committed is None else rows[0].end - rows[0].committed
    moments = replay(arrived, world, settings, waits)
    if options.json:
        for moment in moments:
            print(as_json(vars(moment)))
    else:
        print("\n".join(summary(moments, sum(arrived))))
    if options.out:
        drawn = plot.drawn(f"{options.history.name}: {_said(options)}", moments, history.known(rows))
        try:
            options.out.write_text(drawn, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"The plot {options.out} can't be written: {error}") from error
    return 0


def summary(moments: Sequence[Moment], arrived: float) -> list[str]:
    """What came of it, in lines."""
    late = sorted(moment.delay for moment in moments)
    asked = [moment.asked for moment in moments]
    changes = sum(1 for before, after in itertools.pairwise(asked) if before != after)
    return [
        f"events     {arrived:,.0f} in {len(moments):,} s; {moments[-1].lag:,} wait at the end",
        f"delay      {late[-1]:.0f} s at most, {late[int(0.95 * (len(late) - 1))]:.0f} s or less for 95 % of the time",
        f"pods       {min(asked)} to {max(asked)}, changed {changes} times, {sum(asked) / 3600:.2f} pod hours",
    ]


def _world(options: argparse.Namespace, rows: list[Row]) -> World:
    rate = options.rate_per_pod or history.rate_per_pod(rows)
    if rate is None:
        raise ConfigError(
            f"{options.history} does not show what a pod stores in a second (it needs committed and pods, while there"
            " is lag): say it by --rate-per-pod."
        )
    return World(options.partitions, rate, options.database, start_seconds=options.start_seconds)


def _settings(options: argparse.Namespace) -> Settings:
    if options.min > options.max:
        raise ConfigError(f"--min {options.min} is above --max {options.max}.")
    return Settings(
        minimum=options.min,
        maximum=options.max,
        lag_threshold=options.lag_threshold,
        drain_within=options.drain_within or "",
        database_guard=options.database_guard,
        max_delay=options.max_delay,
        activation=options.activation,
        pace=Pace(options.polling, options.cooldown),
    )


def _said(options: argparse.Namespace) -> str:
    how = f"drainWithin {options.drain_within}" if options.drain_within else f"lagThreshold {options.lag_threshold}"
    late = f", maxDelay {options.max_delay}" if options.max_delay else ""
    return f"{options.min} to {options.max} pods, {how}{late}"
