"""What `shopctl scale` can be told. No client in here: the parser imports it."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

from shopctl.argument_types import number, whole

MOST_PODS, MOST_SECONDS = 1000, 7 * 24 * 3600
replicas = whole(0, MOST_PODS, "pods")
_DURATION = re.compile(r"[1-9][0-9]{0,4}[smh]")


def add_consumer(parser: argparse.ArgumentParser) -> None:
    """The ShopConsumer that a command is about."""
    parser.add_argument("name", metavar="NAME", help="the ShopConsumer, e.g. purchases")
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="its namespace (default: that of the context)")
    parser.add_argument("--context", metavar="CONTEXT", help="of kubectl's configuration (default: the current one)")


def add_record(parser: argparse.ArgumentParser) -> None:
    add_consumer(parser)
    span = whole(5, MOST_SECONDS, "seconds")
    parser.add_argument("--for", dest="seconds", type=span, required=True, metavar="SECONDS", help="how long")
    parser.add_argument("--every", type=whole(1, 3600, "seconds"), default=5, metavar="SECONDS",
                        help="between two rows (default: 5, as often as the operator looks)")  # fmt: skip


def add_simulate(parser: argparse.ArgumentParser) -> None:
    """The history, the settings to try, and what pods and database are like."""
    pods, positive = whole(0, MOST_PODS, "pods"), number(0.001, 1e9)
    parser.add_argument(
        "history", type=Path, metavar="FILE", help="CSV as `shopctl scale record` writes it, or JSON lines"
    )
    parser.add_argument("--min", type=pods, default=1, metavar="N", help="minReplicas (default: 1)")
    parser.add_argument("--max", type=whole(1, MOST_PODS, "pods"), default=12, metavar="N",
                        help="maxReplicas (default: 12)")  # fmt: skip
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--lag-threshold", type=whole(1, 10**9, "events"), metavar="N", help="lagThreshold")
    how.add_argument("--drain-within", type=duration, metavar="TIME", help="drainWithin, e.g. 30s")
    parser.add_argument("--max-delay", type=duration, metavar="TIME", help="maxDelay, e.g. 30s")
    parser.add_argument("--activation", type=whole(0, 10**9, "events"), default=0, metavar="N",
                        help="activationLagThreshold (default: 0)")  # fmt: skip
    seconds = whole(1, 86400, "seconds")
    parser.add_argument("--polling", type=seconds, default=5, metavar="SECONDS", help="pollingInterval (default: 5)")
    parser.add_argument("--cooldown", type=seconds, default=60, metavar="SECONDS", help="cooldownPeriod (default: 60)")
    parser.add_argument("--partitions", type=whole(1, 10_000, "partitions"), default=12, metavar="N",
                        help="of the topic (default: 12)")  # fmt: skip
    parser.add_argument("--rate-per-pod", type=positive, metavar="R",
                        help="events a second that a pod stores (default: as the history shows)")  # fmt: skip
    parser.add_argument("--database", type=positive, default=math.inf, metavar="R",
                        help="events a second that the database takes in all (default: no bound)")  # fmt: skip
    parser.add_argument("--database-guard", action="store_true", help="databaseGuard: no more pods than store more")
    parser.add_argument("--start-seconds", type=whole(0, 600, "seconds"), default=4, metavar="SECONDS",
                        help="from a pod's creation to its first event (default: 4)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="draw pods and delay into this SVG")
    parser.add_argument("--json", action="store_true", help="each second as a JSON object")


def duration(text: str) -> str:
    """A time as ShopConsumers have it."""
    if not _DURATION.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number with s, m or h, for example 30s or 5m")
    return text
