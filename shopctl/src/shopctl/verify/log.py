"""`shopctl verify log`: the logs against the read models. The work is cm-api's, which alone knows its collections; here
it is started as a program beside this one, and what it says becomes one outcome."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shop_core.errors import ConfigError
from shop_core.events import DOMAINS
from shop_core.events.instants import format_instant
from shopctl.layout import layout_of
from shopctl.target import Target, target_of
from shopctl.verify.outcome import Judged, Outcome, State
from shopctl.verify.telling import tell

MEANINGS = {
    "lost": "an event is in the log, and neither stored nor rejected; or what it made is not there",
    "doubled": "something is there twice, and was said once",
    "changed": "something shows what no event says",
    "ghost": "something is there that no event in the log says",
    "wrong": "a sum is not that of its parts",
}
NO_ANSWER = 4


def run(options: argparse.Namespace) -> int:
    """The exit code of the outcome; 1 or 2 where there is none."""
    target = target_of(options.state_dir)
    target.tell()
    work = options.work or _work(options.state_dir)
    names = list(dict.fromkeys(options.domains or DOMAINS))
    if options.fresh:
        for name in names:
            for file in work.glob(f"*-{name}.sqlite*"):
                file.unlink()
    command = [sys.executable, "-m", "cm_api.pipeline.log_check", "--work", str(work), *names]
    sys.stdout.flush()
    done = subprocess.run(command, env=dict(target.environ), stdout=subprocess.PIPE, text=True, check=False)
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode not in (0, 3, NO_ANSWER):
        return done.returncode
    return tell(options, outcome_of(target, verdicts, names))


def outcome_of(target: Target, verdicts: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Outcome:
    """Of all domains; one that has no verdict leaves the whole without one, unless a fault was found before."""
    judged = [
        Judged(name, meaning, sum(each["faults"][name] for each in verdicts),
               [f"{each['domain']}: {line['about']}" for each in verdicts for line in each["lines"]
                if line["kind"] == name])
        for name, meaning in MEANINGS.items()
    ]  # fmt: skip
    missing = [name for name in names if name not in {each["domain"] for each in verdicts}]
    state: State = "faults" if any(each.number for each in judged) else "no verdict" if missing else "all well"
    return Outcome(
        what="log",
        on=f"Kafka {target.kafka}, MongoDB {target.database}",
        at=format_instant(datetime.now(UTC).replace(microsecond=0)),
        state=state,
        facts=[(each["domain"], told(each)) for each in verdicts],
        judged=judged,
        notes=[f"{each['domain']}: {note}" for each in verdicts for note in each["notes"]]
        + [f"{name}: not looked at to the end" for name in missing],
        why="Kafka or MongoDB does not answer. What was read so far is kept: run it again.",
    )


def told(verdict: Mapping[str, Any]) -> str:
    """What was looked at in one domain."""
    counts = [(name, verdict["events"].get(name, 0)) for name in ("stored", "duplicate", "rejected", "skipped")]
    events = ", ".join(f"{number:,} {name}" for name, number in counts if number) or "no event"
    compared = ", ".join(f"{number:,} {name}s" for name, number in verdict["compared"].items())
    return (
        f"{events}; {verdict['waiting']:,} waiting; compared {compared or 'nothing'}; "
        f"read {verdict['read']:,} events now, {verdict['seconds']:.1f} s"
    )


def _work(state_dir: Path | None) -> Path:
    try:
        return layout_of(state_dir).state / "verify"
    except ConfigError:
        raise ConfigError("Give --work DIR: where it is kept how far the logs were read.") from None
