"""From letters and what people noted to what is told of them: state, filters, groups, pages. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cm_ops.letter_book import Line
from shop_core.errors import FieldFault, InvalidInput, MalformedRequest, NotFound
from shop_core.events import TOPICS
from shop_core.events.instants import format_instant, read_instant
from shop_core.events.receipts import Receipt
from shop_core.mongo.letter_notes import Note
from shop_core.responses.dead_letters import DeadLetter, DeadLetters, LetterGroup, State

UNTOUCHED = Note(None, None, None, None, None)
LONGEST_CHAIN = 50
Place = tuple[str, str]
"""Where a letter is in a list: when it was refused, and its receipt."""
_PLACE = "{}/{}"
Kind = tuple[str, str | None, str]
# What differs between letters that are alike: what is quoted, and numbers.
_OWN = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9]+")


@dataclass(frozen=True)
class Wanted:
    """Which letters are asked for; '' leaves a question out. `since` and `until` are instants as letters have them,
    `like` is the receipt of one that they are alike to."""

    domain: str = ""
    state: str = "open"
    reason: str = ""
    type: str = ""
    since: str = ""
    until: str = ""
    like: str = ""

    def takes(self, letter: DeadLetter) -> bool:
        at = letter.at or ""
        return (
            self.domain in ("", letter.domain)
            and self.state in ("", letter.state)
            and self.type in ("", letter.type)
            and self.reason.casefold() in letter.reason.casefold()
            and (not self.since or at >= self.since)
            and (not self.until or at < self.until)
        )


def chosen(every: Mapping[str, DeadLetter], wanted: Wanted) -> Iterator[DeadLetter]:
    """Those of `every` that are asked for, in its order; `NotFound` where it has none to be alike to."""
    if wanted.like and wanted.like not in every:
        raise NotFound(FieldFault("like", "must be the receipt of a dead letter"))
    kind = kind_of(every[wanted.like]) if wanted.like else None
    return (each for each in every.values() if wanted.takes(each) and kind in (None, kind_of(each)))


def told(lines: Mapping[str, Line], notes: Mapping[str, Note]) -> dict[str, DeadLetter]:
    """Every letter by its receipt, newest first."""
    counts = Counter(line.event for line in lines.values())
    found = [_told(line, notes.get(source, UNTOUCHED), counts[line.event]) for source, line in lines.items()]
    found.sort(key=_place, reverse=True)
    return {each.receipt: each for each in found}


def _told(line: Line, note: Note, count: int) -> DeadLetter:
    letter = line.letter
    return DeadLetter(
        receipt=letter.source,
        domain=letter.domain.name,
        state=state_of(note),
        reason=letter.reason,
        type=letter.event_type or None,
        cause=letter.kind or None,
        at=_instant(letter.time),
        count=count,
        cut=sorted(letter.cut),
        redriven_of=line.redriven_of,
        successor=note.successor or _successor_in(note.resolution),
        by=note.by,
        done_at=format_instant(note.at) if note.at else None,
        note=note.said,
    )


def _instant(text: str) -> str | None:
    """The moment that a letter notes, in the form of all; None where it is none."""
    try:
        return format_instant(read_instant(text).plain())
    except ValueError:
        return None


def state_of(note: Note) -> State:
    if note.resolution is None:
        return "open" if note.successor is None else "sent"
    return "redriven" if note.resolution.startswith("redriven") else "discarded"


def _successor_in(resolution: str | None) -> str | None:
    """Of `redriven <receipt>`."""
    return (resolution or "").partition("redriven ")[2] or None


def page(letters: Iterable[DeadLetter], limit: int, after: Place | None = None) -> DeadLetters:
    """Those behind the place at which the page before ended, whatever became of the letter there meanwhile."""
    every = list(letters)
    rest = every if after is None else [each for each in every if _place(each) < after]
    shown = rest[:limit]
    return DeadLetters(shown, len(every), _PLACE.format(*_place(shown[-1])) if len(rest) > limit else None)


def place_in(cursor: str) -> Place:
    """The place that the `next` of a page names; `MalformedRequest` for any other text."""
    at, _, receipt = cursor.partition("/")
    try:
        Receipt.parse(receipt, list(TOPICS))
        return (format_instant(read_instant(at).plain()) if at else "", receipt)
    except (InvalidInput, ValueError):
        raise MalformedRequest(FieldFault("cursor", "must be the `next` of an earlier page")) from None


def _place(letter: DeadLetter) -> Place:
    return (letter.at or "", letter.receipt)


def later(letters: Mapping[str, DeadLetter], first: DeadLetter) -> Sequence[DeadLetter]:
    """The letters that came of this one, each time that it was redriven and refused, oldest first."""
    came: dict[str | None, list[DeadLetter]] = {}
    for each in letters.values():
        came.setdefault(each.redriven_of, []).append(each)
    found = {first.receipt: first}
    waiting = [first]
    while waiting and len(found) <= LONGEST_CHAIN:
        new = [each for each in came.get(waiting.pop().receipt, ()) if each.receipt not in found]
        found |= {each.receipt: each for each in new}
        waiting += new
    return sorted(list(found.values())[1:], key=_place)


def groups(letters: Iterable[DeadLetter]) -> list[LetterGroup]:
    found: dict[Kind, list[DeadLetter]] = {}
    for letter in letters:
        found.setdefault(kind_of(letter), []).append(letter)
    made = [
        LetterGroup(domain, type_, reason, len(some), some[-1].at, some[0].at, some[0].receipt)
        for (domain, type_, reason), some in found.items()
    ]
    return sorted(made, key=lambda each: -each.count)


def kind_of(letter: DeadLetter) -> Kind:
    """Letters are alike by domain, type, and a reason without names and numbers."""
    return (letter.domain, letter.type, _OWN.sub("…", letter.reason))


def chain(letters: Mapping[str, DeadLetter], last: DeadLetter) -> Sequence[DeadLetter]:
    """The letters that came before this one, each redriven as the next, oldest first."""
    found: list[DeadLetter] = []
    seen, at = {last.receipt}, last
    while (before := letters.get(at.redriven_of or "")) and before.receipt not in seen and len(found) < LONGEST_CHAIN:
        found.append(before)
        seen.add(before.receipt)
        at = before
    return found[::-1]
