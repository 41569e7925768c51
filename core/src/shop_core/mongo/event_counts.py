"""What became of the offsets that a position has passed, kept in the position's own document and by the same update.

So the counts and the position can't disagree, whatever is killed when. `counted` is how many offsets were counted: the
difference to the position itself is how far somebody moved it who does not count, a consumer of a release before this
one or a person, and what the counts come to is to be `counted`, or the program has lost an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EventCounts:
    """Offsets by what became of them. `empty` held no event (a transaction's marker, a compacted record), `gone` left
    the log before they were read, `skipped` were passed over by a person's word, of those that were `moved` past
    nobody counted what they were."""

    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    empty: int = 0
    gone: int = 0
    skipped: int = 0
    moved: int = 0

    @property
    def total(self) -> int:
        return sum(asdict(self).values())

    def __add__(self, other: EventCounts) -> EventCounts:
        mine, theirs = asdict(self), asdict(other)
        return EventCounts(**{name: mine[name] + theirs[name] for name in mine})

    def kept(self) -> dict[str, int]:
        """As the document has them: nothing of what is 0."""
        return {name: number for name, number in asdict(self).items() if number}

    def increments(self, offsets: int) -> dict[str, int]:
        """What the update that moves a position by so many `offsets` adds to its document."""
        return {"counted": offsets} | {f"counts.{name}": number for name, number in self.kept().items()}


NOTHING = EventCounts()


def counts_in(doc: Mapping[str, Any]) -> EventCounts:
    """Those of a position's document."""
    return EventCounts(**doc.get("counts", {})) + EventCounts(moved=int(doc["offset"]) - int(doc.get("counted", 0)))
