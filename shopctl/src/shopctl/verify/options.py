"""What `shopctl verify` can be told, and within which bounds. No client in here: the parser imports it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from shop_core.events import DOMAINS
from shopctl.argument_types import number
from shopctl.load.options import add_address
from shopctl.options import add_state_dir

LOWEST_RATE, MOST_RATE = 0.1, 500.0
MOST_SECONDS = 3600.0
MOST_CANARIES = 200_000  # of one run, which are all kept in memory
rate = number(LOWEST_RATE, MOST_RATE, "purchases a second")
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h|)")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def add_log(parser: argparse.ArgumentParser) -> None:
    domains = f"{', '.join(DOMAINS)} (default: all)"
    parser.add_argument("domains", nargs="*", type=domain, metavar="DOMAIN", help=domains)
    work = "where it is kept how far was read, and what; run again, it goes on there (default: in the state directory)"
    parser.add_argument("--work", type=Path, metavar="DIR", help=work)
    parser.add_argument("--fresh", action="store_true", help="read the logs from their beginning again")
    _add_outputs(parser)
    add_state_dir(parser)


def add_live(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=rate, default=50.0, metavar="R",
                        help=f"purchases a second (default: 50, at most {MOST_RATE:.0f})")  # fmt: skip
    parser.add_argument("--for", type=span, default=600.0, metavar="SPAN", dest="seconds",
                        help="such as 90s or 10m (default: 10m, at most 1h)")  # fmt: skip
    parser.add_argument("--slow", type=span, default=6.0, metavar="SPAN",
                        help="an answer is slow that takes longer (default: 6s)")  # fmt: skip
    settle = "how long after the end everything may take to be answered and stored (default: 60s)"
    parser.add_argument("--settle", type=span, default=60.0, metavar="SPAN", help=settle)
    parser.add_argument("--erase", metavar="RUN", help="only erase what a run left that could not: its name")
    _add_outputs(parser)
    add_address(parser)
    add_state_dir(parser)


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the verdict as JSON")
    parser.add_argument("--report", type=Path, metavar="FILE", help="the verdict as a page of HTML, all in one file")


def domain(text: str) -> str:
    if text not in DOMAINS:
        raise argparse.ArgumentTypeError(f"there is no domain {text!r}, only {', '.join(DOMAINS)}")
    return text


def span(text: str) -> float:
    """Seconds, or a number with its unit."""
    found = _SPAN.fullmatch(text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 1 <= seconds <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r}: give 1s to 1h, such as 90s or 10m")
    return seconds
