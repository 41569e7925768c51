"""The verdict: what was sent and answered, against what the platform shows in the end.

What got a 2xx must be there, unless a consumer refused it, and once. What got a definite 4xx must not be there. What
got no answer, or a 5xx, may be there once or not at all; it may also have taken effect after what was sent later.
Services' own counters are not asked.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field

from shopctl.proof import recount
from shopctl.proof.history import Content, History, Kind, Outcome, Sent
from shopctl.proof.shown import Shown, Thing

Place = tuple[Kind, str]
Told = tuple[Sent, Outcome]


@dataclass
class Verdict:
    """A line for each fault; `refused` commands, by whom ever, and `unknown` ones are told beside and are no faults."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    ghost: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refused: int = 0
    unknown: int = 0

    @property
    def faults(self) -> dict[str, list[str]]:
        """The lines by the kind of fault."""
        return {name: lines for name, lines in asdict(self).items() if isinstance(lines, list)}

    @property
    def clean(self) -> bool:
        return not any(self.faults.values())

    def __str__(self) -> str:
        return "\n".join(f"{name}: {line}" for name, lines in self.faults.items() for line in lines[:20]) or "clean"


def check(history: History, shown: Shown) -> Verdict:
    """Place by place, then the aggregates."""
    verdict = Verdict()
    commands: defaultdict[Place, list[Told]] = defaultdict(list)
    interactions: list[Told] = []
    for sent in history.sent:
        told = sent, sent.outcome(shown.rejected)
        verdict.refused += told[1] is Outcome.REFUSED
        verdict.unknown += told[1] is Outcome.UNKNOWN
        if sent.command.kind is Kind.INTERACTION:
            interactions.append(told)
        else:
            commands[sent.command.kind, sent.command.place].append(told)
    things: defaultdict[Place, list[Thing]] = defaultdict(list)
    for thing in shown.things:
        things[thing.kind, thing.place].append(thing)
    verdict.ghost += [f"{_name(place)} was never sent" for place in things if place not in commands]
    final: dict[Place, Content] = {}
    for place, sent_there in commands.items():
        content = _at(place, sent_there, things.get(place, []), verdict)
        if content is not None:
            final[place] = content
    verdict.wrong += recount.wrong(final, interactions, shown)
    return verdict


def _at(place: Place, commands: list[Told], things: list[Thing], verdict: Verdict) -> Content | None:
    """Judge one place; what it has to show, none where it may be empty and is."""
    done = [sent.command.content for sent, outcome in commands if outcome is Outcome.DONE]
    due = done[-1] if done else None
    if not things:
        if due is not None:
            verdict.lost.append(f"{_name(place)} is not there, and was acknowledged")
        return due
    if len(things) > 1:
        verdict.doubled.append(f"{_name(place)} is there as {', '.join(thing.id for thing in things)}")
    content = things[0].content
    meant = [outcome for sent, outcome in commands if sent.command.content == content]
    if not meant:
        verdict.changed.append(f"{_name(place)} shows {dict(content)}, which nobody sent")
    elif all(outcome is Outcome.REFUSED for outcome in meant):
        verdict.ghost.append(f"{_name(place)} shows {dict(content)}, which was refused")
    elif content == due or Outcome.UNKNOWN in meant:
        return content
    else:
        verdict.disordered.append(f"{_name(place)} shows {dict(content)}, but {dict(due or {})} came after it")
    return due


def _name(place: Place) -> str:
    return f"{place[0]} {place[1]}"
