"""What is known beforehand of a record with an odd part: it is taken, it is refused, or the shop may decide."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """TAKEN: the oddity is none of the shop's business. REFUSED: a rule is broken. EITHER: no rule says which."""

    TAKEN = "taken"
    REFUSED = "refused"
    EITHER = "either"


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """One broken rule refuses the record, whatever else is odd."""
    every = set(verdicts)
    if Verdict.REFUSED in every:
        return Verdict.REFUSED
    return Verdict.EITHER if Verdict.EITHER in every else Verdict.TAKEN
