"""`shopctl verify live`: canaries buy while somebody breaks things; in the end the public answers tell what became of
each purchase. Whatever happens, the canaries are erased."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType

from shop_core.errors import ConfigError, Unavailable
from shop_core.events.instants import format_instant
from shopctl.load.command import credentials
from shopctl.load.options import base_of
from shopctl.proof.checker import check
from shopctl.proof.history import History
from shopctl.proof.open_loop import OpenLoop
from shopctl.terminal import escaped
from shopctl.verify.answers import PAUSE, Answers
from shopctl.verify.canaries import Canaries, users_of
from shopctl.verify.options import MOST_CANARIES
from shopctl.verify.order import disordered
from shopctl.verify.outcome import Outcome
from shopctl.verify.telling import tell
from shopctl.verify.verdict import Judgement, outcome_of

ERASE_WITHIN = 60.0
ANSWERS_WITHIN = 10.0  # to begin with


def run(options: argparse.Namespace) -> int:
    """The exit code of the outcome."""
    base, headers = base_of(options), credentials(options)
    if options.rate * options.seconds > MOST_CANARIES:
        raise ConfigError(f"--rate times --for are over {MOST_CANARIES:,} purchases: give less of either.")
    with _term_as_ctrl_c(), Answers(base, headers) as answers:
        if options.erase is not None:
            left = erase(answers, options.erase)
            print(left or f"The canaries of {escaped(options.erase)} are erased.")
            return 1 if left else 0
        name = secrets.token_hex(4)
        print(f"shopctl: canaries {name} on {escaped(base)}", file=sys.stderr, flush=True)
        live = Live(answers, Canaries(name), options.settle)
        loop = OpenLoop(base, live.canaries, options.rate, headers, give_up=options.settle)
        return tell(options, live.run(loop, base, options.seconds, options.slow))


@dataclass
class Live:
    """One run."""

    answers: Answers
    canaries: Canaries
    settle: float
    judgement: Judgement = field(default_factory=Judgement)

    def run(self, loop: OpenLoop, base: str, seconds: float, slow: float) -> Outcome:
        judgement, began = self.judgement, datetime.now(UTC).replace(microsecond=0)
        judgement.history = loop.history
        sent = False
        try:
            self.answers.until = time.monotonic() + min(ANSWERS_WITHIN, self.settle)
            self.answers.profile(self.canaries.users[0])
            sent = True
            self._drive(loop, seconds)
            self._settled(loop.history)
            self._judge(loop.history)
        except Unavailable as error:
            judgement.why = str(error)
        except KeyboardInterrupt:
            judgement.why, judgement.interrupted = "it was interrupted", True
            loop.abandon()
            loop.stop()
        left = erase(self.answers, self.canaries.run) if sent else ""
        if left:
            judgement.notes.append(left)
        return outcome_of(judgement, base, format_instant(began), self.canaries.run, slow)

    def _drive(self, loop: OpenLoop, seconds: float) -> None:
        print("shopctl: sending; break what you like. Ctrl-C ends it and erases the canaries", file=sys.stderr)
        end = time.monotonic() + seconds
        with _told_each_second(loop.history, end):
            loop.start()
            while (left := end - time.monotonic()) > 0:
                time.sleep(min(left, 1.0))
            loop.stop()

    def _settled(self, history: History) -> None:
        """Wait until the positions have passed every purchase that was acknowledged; what they have not is slow."""
        last: dict[str, int] = {}
        for answer in history.answers():
            if answer.done:
                partition, _, offset = answer.receipt.rpartition("-")
                last[partition] = max(last.get(partition, -1), int(offset))
        waiting = {f"{partition}-{offset}" for partition, offset in last.items()}
        self.answers.until = time.monotonic() + self.settle
        while waiting:
            waiting = {each for each in waiting if self.answers.state(each) not in ("stored", "rejected")}
            if waiting and time.monotonic() > self.answers.until:
                self.judgement.unstored = sorted(waiting)
                return
            time.sleep(PAUSE if waiting else 0)

    def _judge(self, history: History) -> None:
        self.answers.until = time.monotonic() + self.settle
        shown, newest = self.answers.shown(self.canaries.users)
        there = {thing.place for thing in shown.things}
        for sent in history.sent:
            if sent.command.place not in there:
                receipts = [answer.receipt for answer in sent.answers if answer.done]
                shown.rejected |= {each for each in receipts if self.answers.state(each) == "rejected"}
        self.judgement.verdict = check(history, shown)
        self.judgement.verdict.disordered += disordered(history, newest)
        self.judgement.stored = len(shown.things)


def erase(answers: Answers, run: str) -> str:
    """Erase the canaries of a run; a sentence where some of them are left."""
    print("shopctl: erasing the canaries", file=sys.stderr, flush=True)
    answers.until = time.monotonic() + ERASE_WITHIN
    try:
        for user in users_of(run):
            answers.erase(run, user)
    except (Unavailable, KeyboardInterrupt) as error:
        why = str(error) or "it was interrupted"
        return f"the canaries are not all erased ({why}): run `shopctl verify live --erase {run}`"
    return ""


@contextmanager
def _told_each_second(history: History, end: float) -> Iterator[None]:
    """A line on stderr each second, as long as the block runs."""
    over = threading.Event()

    def say() -> None:
        while not over.wait(1.0):
            print(live_line(history, max(0.0, end - time.monotonic())), file=sys.stderr, flush=True)

    saying = threading.Thread(target=say, name="verify-lines", daemon=True)
    saying.start()
    try:
        yield
    finally:
        over.set()
        saying.join()


def live_line(history: History, left: float) -> str:
    every = list(history.sent)
    done = sum(any(answer.done for answer in list(sent.answers)) for sent in every)
    again = sum(max(0, len(sent.answers) - 1) for sent in every)
    told = f"{left:5.0f} s left" if left else "waiting for the last answers"
    return (
        f"{told}  {len(every):>7,} sent  {done:>7,} acknowledged  {len(every) - done:>5,} not yet  {again:,} sent again"
    )


@contextmanager
def _term_as_ctrl_c() -> Iterator[None]:
    """TERM ends the block as Ctrl-C does: the canaries are erased first."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
