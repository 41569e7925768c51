"""What a verification came to, as one value: what is printed, sent as JSON and drawn as a page is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from shopctl.terminal import as_json, escaped

ALL_WELL, FAULTS, NO_VERDICT, INTERRUPTED = 0, 3, 4, 130
State = Literal["all well", "faults", "no verdict", "interrupted"]
CODES: Mapping[State, int] = {
    "all well": ALL_WELL, "faults": FAULTS, "no verdict": NO_VERDICT, "interrupted": INTERRUPTED,
}  # fmt: skip
SHOWN = 20


@dataclass(frozen=True)
class Judged:
    """One kind of fault: what it means, how often it was found, and lines that name the first ones."""

    name: str
    meaning: str
    number: int
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Second:
    """What was answered in one second of a run: well, not well or not at all, and the slowest of them."""

    well: int
    other: int
    slowest: float


@dataclass(frozen=True)
class Outcome:
    """`facts` are pairs of words; `why` says why there is no verdict."""

    what: str
    on: str
    at: str
    state: State
    facts: Sequence[tuple[str, str]]
    judged: Sequence[Judged]
    notes: Sequence[str] = ()
    why: str = ""
    seconds: Sequence[Second] = field(default=())

    @property
    def code(self) -> int:
        return CODES[self.state]

    @property
    def sentence(self) -> str:
        if self.state in ("no verdict", "interrupted"):
            return f"No verdict: {self.why}"
        found = [f"{each.number:,} {each.name}" for each in self.judged if each.number]
        return f"Not all is well: {', '.join(found)}." if found else "All is well: nothing lost, doubled or wrong."


def text_of(outcome: Outcome) -> Iterator[str]:
    """The lines for a terminal."""
    width = max((len(name) for name, _ in outcome.facts), default=0)
    yield from (f"{name:<{width}}  {escaped(value)}" for name, value in outcome.facts)
    for each in outcome.judged:
        yield from (f"{each.name}: {escaped(line)}" for line in each.lines[:SHOWN])
        if each.number > SHOWN:
            yield f"{each.name}: {each.number - min(SHOWN, len(each.lines)):,} more"
    yield from (f"note: {escaped(note)}" for note in outcome.notes)
    yield escaped(outcome.sentence)


def json_of(outcome: Outcome) -> str:
    """One object; `exitCode` is that of the command."""
    said = asdict(outcome)
    said["facts"] = dict(outcome.facts)
    said["seconds"] = [[each.well, each.other, each.slowest] for each in outcome.seconds]
    return as_json(said | {"exitCode": outcome.code, "sentence": outcome.sentence})
