"""`make faults`: each fault under load, on a platform of its own; then the verdict, and its line in the record.

FAULTS_RATE is the number of commands a second, FAULTS_SEED draws the same commands again.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from shop_core.events import DOMAINS
from shop_faults import record
from shop_faults.cases import CASES, Case
from shop_faults.customers import Customers
from shop_faults.reader import Reader
from shopctl.proof.checker import Verdict, check
from shopctl.proof.history import History
from shopctl.proof.open_loop import OpenLoop

RATE = float(os.environ.get("FAULTS_RATE", "100"))
SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.randrange(1, 2**31)
RECOVERS_WITHIN, DRAINS_WITHIN = 120.0, 180.0
AFTERWARDS = 3.0  # of load on what has recovered


@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_under_a_fault_nothing_is_lost_doubled_made_up_changed_or_out_of_order(
    case: Case,
    start_platform: Callable[..., AbstractContextManager[Any]],
    until: Callable[..., None],
    tmp_path: Path,
) -> None:
    with start_platform(tmp_path / "platform", *case.words) as platform:
        reader = Reader(platform)
        load = OpenLoop(platform.base_url, Customers(uuid.uuid4().hex[:6], SEED), RATE)
        load.start()
        try:
            over = case.strike(platform)
            recovery = recovered(load.history, reader, over, until)
            time.sleep(AFTERWARDS)
        finally:
            load.stop()
            load.history.save(tmp_path / "history.jsonl")
        until(reader.drained, "all is stored", DRAINS_WITHIN)
        verdict = check(load.history, reader.shown())
    record.keep(run(case, load.history, verdict, recovery))
    where = f"FAULTS_SEED={SEED}, history in {tmp_path}"
    assert verdict.clean, f"{where}\n{verdict}"
    assert (verdict.refused, verdict.unknown) == (0, 0), f"{where}: good commands were refused or given up"


def recovered(history: History, reader: Reader, over: float, until: Callable[..., None]) -> float:
    """Seconds from `over` until of each domain a command that was sent later is stored."""
    waiting = {domain.topic for domain in DOMAINS.values()}

    def all_stored() -> bool:
        waiting.difference_update(
            [topic for topic, answer in history.done_after(over).items() if reader.stored(answer.receipt)]
        )
        return not waiting

    until(all_stored, "commands of each domain are stored again", RECOVERS_WITHIN)
    return time.monotonic() - over


def run(case: Case, history: History, verdict: Verdict, recovery: float) -> record.Run:
    return record.Run(
        case=case.id,
        done=case.done,
        events=len(history.sent),
        **{name: len(lines) for name, lines in verdict.faults.items()},
        slowest=round(history.slowest, 1),
        recovery=round(recovery, 1),
        machine=record.machine(),
        commit=record.commit(),
        date=record.today(),
    )
