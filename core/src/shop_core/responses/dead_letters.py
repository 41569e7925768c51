"""What cm-ops answers about dead letters. A list names no person: what they said is in the answer to one letter."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from shop_core.events.reading import Checked

LONGEST_NOTE = 500
State = Literal["open", "sent", "redriven", "discarded"]


class DeadLetter(msgspec.Struct, rename="camel"):
    """A letter by the receipt of its source. `state`: `open`; `sent`, where its `successor` may still be stored;
    `redriven`, where it is; `discarded`. `by` is who has it in hand or dealt with it; `redriven_of` is the letter that
    its event was sent again for, `count` how many letters there are of that event."""

    receipt: str
    domain: str
    state: State
    reason: str
    type: str | None
    cause: str | None
    at: str | None
    count: int
    cut: list[str]
    redriven_of: str | None
    successor: str | None
    by: str | None
    done_at: str | None
    note: str | None


class DeadLetters(msgspec.Struct):
    """A page of those asked for, newest first, and how many there are in all; `next` is null on the last page."""

    letters: list[DeadLetter]
    total: int
    next: str | None


class LetterGroup(msgspec.Struct):
    """Letters that are alike but for names and numbers; `receipt` is the newest of them."""

    domain: str
    type: str | None
    reason: str
    count: int
    first: str | None
    last: str | None
    receipt: str


class LetterGroups(msgspec.Struct):
    """Of those asked for, the largest first."""

    groups: list[LetterGroup]


class Content(msgspec.Struct, rename="camel"):
    """Bytes: as JSON where they are JSON, else as text, else in hexadecimal digits; `size` is how many there are."""

    size: int
    json: Any = msgspec.UNSET
    text: str | msgspec.UnsetType = msgspec.UNSET
    hex: str | msgspec.UnsetType = msgspec.UNSET


class LetterHeader(msgspec.Struct):
    """One header; `value` is null where it has none."""

    name: str
    value: Content | None


class LetterFault(msgspec.Struct):
    """What its consumer would still refuse."""

    field: str
    detail: str


class WholeLetter(msgspec.Struct, rename="camel"):
    """One letter. `faults` are empty where it would be taken as it is; `chain` are the letters of its event before it,
    `later` those that came of it, oldest first."""

    letter: DeadLetter
    headers: list[LetterHeader]
    key: Content | None
    value: Content | None
    faults: list[LetterFault]
    chain: list[DeadLetter]
    later: list[DeadLetter]


class LetterRedrive(Checked, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How a letter is sent again: with `set` in place of its fields, or with another value, as JSON (`value`) or in
    hexadecimal digits (`hex`). `dryRun`: nothing is sent, but what would be refused is told."""

    EXAMPLE: ClassVar = {"set": {"price": "1195.30"}, "dryRun": True}
    set: dict[str, Any] = msgspec.field(default_factory=dict)
    value: Any = msgspec.UNSET
    hex: str | msgspec.UnsetType = msgspec.UNSET
    dry_run: bool = False


class LetterDiscard(Checked, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Put a letter aside for good; `note` says why."""

    EXAMPLE: ClassVar = {"note": "a test of ours"}
    note: Annotated[str, msgspec.Meta(max_length=LONGEST_NOTE)] = ""
    dry_run: bool = False


class LettersChosen(Checked, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """All open letters that are so; what isn't said is left out of account. `dryRun` is the default: it tells which
    they are. `like` is the receipt of a letter, to take its group only; `note` is for those that are discarded."""

    EXAMPLE: ClassVar = {"domain": "purchases", "dryRun": True}
    domain: str = ""
    reason: str = ""
    type: str = ""
    since: str = msgspec.field(default="", name="from")
    until: str = msgspec.field(default="", name="to")
    like: str = ""
    note: Annotated[str, msgspec.Meta(max_length=LONGEST_NOTE)] = ""
    dry_run: bool = True


class LetterOutcome(msgspec.Struct, rename="camel"):
    """What became of one letter; `would …` where it was a dry run. `why` says why it is not stored, or not sent."""

    receipt: str
    state: Literal["stored", "rejected", "accepted", "not sent", "discarded", "would be sent", "would be discarded"]
    successor: str | None = None
    why: str | None = None


class LetterOutcomes(msgspec.Struct):
    """Of as many as one request takes; `left` are those that another one has to take."""

    outcomes: list[LetterOutcome]
    left: int
