"""What was sent when, what was answered, and how long that took: all that a verdict knows of the load."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

Content = Mapping[str, str]
# A request that was not read, or not in time, may be sent again; every other 4xx is a refusal for good.
NOT_NOW = (408, 425, 429)


class Kind(StrEnum):
    """What a command makes or changes."""

    PURCHASE = "purchase"
    PRODUCT = "product"
    REVIEW = "review"
    CAMPAIGN = "campaign"
    EVENT = "event"
    INTERACTION = "interaction"

    __hash__ = str.__hash__  # an enum's own is written in Python, and a verdict takes a million of them


class Outcome(StrEnum):
    """What is known of a command: done, surely not done, or neither."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `place` names the thing that it makes or changes and is told by the thing itself; `content` is all
    that the thing shows once this command was the last."""

    number: int
    kind: Kind
    place: str
    content: Content
    method: str = "POST"
    path: str = ""
    body: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One attempt: when it began, how long it took (seconds), the status (0: none came) and the receipt."""

    at: float
    took: float
    status: int
    receipt: str = ""

    @property
    def done(self) -> bool:
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        return 400 <= self.status < 500 and self.status not in NOT_NOW


@dataclass(slots=True)
class Sent:
    """A command with the answers to all its attempts, which bear one Idempotency-Key."""

    command: Command
    due: float
    answers: list[Answer] = field(default_factory=list)

    def outcome(self, rejected: Collection[str]) -> Outcome:
        """`rejected` are receipts that consumers refused. A refusal after an attempt without an answer leaves open what
        became of that attempt."""
        for answer in self.answers:
            if answer.done:
                return Outcome.REFUSED if answer.receipt in rejected else Outcome.DONE
        if self.answers and all(answer.refused for answer in self.answers):
            return Outcome.REFUSED
        return Outcome.UNKNOWN


@dataclass
class History:
    """All that was sent, in the order of sending: of one place, no command is sent before the last one has ended."""

    sent: list[Sent] = field(default_factory=list)

    def add(self, command: Command, due: float) -> Sent:
        self.sent.append(entry := Sent(command, due))
        return entry

    def answers(self) -> Iterator[Answer]:
        for entry in self.sent:
            yield from entry.answers

    @property
    def slowest(self) -> float:
        """The longest that any attempt took to be answered or given up."""
        return max((answer.took for answer in self.answers()), default=0.0)

    def done_after(self, moment: float) -> dict[str, Answer]:
        """By topic, the first acknowledgement of an attempt that began at `moment` or later."""
        found: dict[str, Answer] = {}
        for answer in self.answers():
            if answer.done and answer.at >= moment:
                found.setdefault(answer.receipt.rsplit("-", 2)[0], answer)
        return found

    def save(self, file: Path) -> None:
        """One line a command, for whoever looks into a failure."""
        with file.open("w") as lines:
            for entry in self.sent:
                lines.write(json.dumps(asdict(entry)) + "\n")
