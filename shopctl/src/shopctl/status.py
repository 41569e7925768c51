"""`shopctl status`: each process and how far each consumer group is behind, for a person or as JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import urllib3

from shop_core.config.settings import KafkaSettings, load
from shop_core.errors import Unavailable
from shop_core.events import DOMAINS
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.lag import GroupLag, group_lags
from shopctl.layout import layout_of, shown
from shopctl.state import PlatformState, StateDirectory

NOT_RUNNING = 3
WATCH_SECONDS = 2.0


@dataclass(frozen=True)
class Status:
    """What is known now; `groups` is none when the broker does not answer, and `problem` says so."""

    running: bool
    state: PlatformState | None
    groups: list[GroupLag] | None
    problem: str | None = None
    unreadable: tuple[str, ...] = ()


def run(arguments: argparse.Namespace) -> int:
    """Print the status; exit 0 when the platform runs, 3 when it does not."""
    directory = StateDirectory(layout_of(arguments.state_dir))
    while arguments.watch:
        lines = as_lines(status_of(directory)) or [not_running(directory)]
        # As `clear` does on a terminal; elsewhere the states stand one below the other.
        print(("\x1b[H\x1b[2J" if sys.stdout.isatty() else "") + "\n".join(lines), flush=True)
        time.sleep(WATCH_SECONDS)
    status = status_of(directory)
    if arguments.json:
        print(json.dumps(as_json(status), indent=2))
    elif status.running:
        print("\n".join(as_lines(status)))
    else:
        print(not_running(directory))
    return 0 if status.running else NOT_RUNNING


def not_running(directory: StateDirectory) -> str:
    return f"No platform runs in {shown(directory.layout.state)}: start one by `make run` or `shopctl up`."


def status_of(directory: StateDirectory) -> Status:
    """The platform's own snapshot, trusted only while its supervisor lives, and the broker's word on lag."""
    state = directory.read()
    if directory.supervisor() is None or state is None:
        return Status(False, None, None)
    try:
        kafka = replace(KafkaConnection.of(load(KafkaSettings, os.environ)), bootstrap_servers=state.bootstrap)
        lags, problem = group_lags(kafka, DOMAINS.values()), None
    except Unavailable as error:
        lags, problem = None, str(error)
    return Status(True, state, lags, problem, unreadable(state))


def unreadable(state: PlatformState) -> tuple[str, ...]:
    """What the consumers say of partitions that they can't read on; who does not answer says nothing."""
    found = []
    with urllib3.PoolManager(timeout=1.0, retries=False) as http:
        for process in state.processes:
            if "-consumer-" in process.name and process.state == "running":
                with suppress(urllib3.exceptions.HTTPError, ValueError, KeyError):
                    answer = http.request("GET", f"http://{process.address}/readyz").json()
                    partitions = answer["dependencies"]["partitions"]
                    found += [] if partitions["ok"] else [partitions["detail"]]
    return tuple(found)


def as_json(status: Status) -> dict[str, Any]:
    """A stable shape for scripts."""
    state, groups = status.state, status.groups
    return {
        "running": status.running,
        "ready": state.ready if state else False,
        "url": state.url if state else None,
        "supervisor": state.supervisor if state else None,
        "processes": [asdict(process) for process in state.processes] if state else [],
        "groups": None if groups is None else [{**asdict(group), "lag": group.lag} for group in groups],
        "problem": status.problem,
        "unreadable": list(status.unreadable),
    }


def as_lines(status: Status) -> list[str]:
    """Two tables for a person."""
    state = status.state
    if state is None:
        return []
    processes = [
        (p.name, str(p.pid or "-"), p.state, p.address, str(p.restarts), p.log or "-") for p in state.processes
    ]
    lines = [
        f"{state.url}  supervisor {state.supervisor}{'' if state.ready else ', starting or stopping'}",
        "",
    ]
    lines += table(("PROCESS", "PID", "STATE", "ADDRESS", "RESTARTS", "LOG"), processes)
    lines.append("")
    if status.groups is None:
        return [*lines, f"Consumer groups are unknown: {status.problem}"]
    lines += [f"Unreadable: {each} (`shopctl skip` goes past it)" for each in status.unreadable]
    groups = [(g.group, g.topic, str(g.members), str(len(g.partitions)), str(g.lag)) for g in status.groups]
    return lines + table(("GROUP", "TOPIC", "MEMBERS", "PARTITIONS", "LAG"), groups)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]
