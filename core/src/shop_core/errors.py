"""The small tree of errors that cross module borders; HTTP statuses are mapped in `shop_core.http.problems`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from shop_runtime import settings_loader

MOST_FAULTS = 50  # that one answer names: a body may hold thousands of unknown fields
P = ParamSpec("P")
T = TypeVar("T")


class ShopError(Exception):
    """Root of every error that the platform raises on purpose."""


class ConfigError(ShopError, settings_loader.ConfigError):
    """Configuration that stops the start; the message is one sentence that says what to set."""


class Unavailable(ShopError):
    """A dependency (broker, database, cm-api) is away or too slow: retry later, never a fault of the data."""


class WriteConflict(Unavailable):
    """Two transactions met and this one lost: again at once, and only when that keeps failing an outage."""


class DatabaseFault(ShopError):
    """The database answered that it can't, and would answer the same again."""


class Refused(ShopError):
    """Kafka refused a record for what it is or where it goes, and nothing of it is in the log. Not an outage: sent
    again as it is, it is refused again until `cause`, in Kafka's words, is mended. `topic` is where it was to go."""

    def __init__(self, topic: str, cause: str) -> None:
        super().__init__(f"Kafka refuses a record for {topic}: {cause}")
        self.topic = topic
        self.cause = cause


class TopicRefused(Refused):
    """The topic is missing, or this user may not write to it: an operator mends that, the record is as it should be."""


class RecordRefused(Refused):
    """No topic takes this record as it is, or its own topic's rules forbid it."""


class RecordTooLarge(RecordRefused):
    """The record has more bytes than the client, the broker or the topic takes."""


@dataclass(frozen=True)
class FieldFault:
    """One fault of the input: `field` as the caller wrote it, `detail` a clause that says what is expected."""

    field: str
    detail: str


class InvalidInput(ShopError):
    """Input that breaks a rule: as itself, a field's value; the types below say what else it may be."""

    def __init__(self, *faults: FieldFault) -> None:
        super().__init__("; ".join(f"{f.field}: {f.detail}" for f in faults))
        self.faults = faults


class MalformedRequest(InvalidInput):
    """It can't be read: a body that is no JSON, a header, an argument of the address."""


class TooLarge(InvalidInput):
    """A text has more bytes than are kept."""


class UnsupportedMediaType(InvalidInput):
    """The body says that it is something else than what is read here."""


class NotFound(InvalidInput):
    """What the input names is not there."""


class Conflict(InvalidInput):
    """Something stands against it: the key was used for another command, or somebody was first."""


class PreconditionFailed(InvalidInput):
    """What it asks to have happened before has not happened yet."""


class Faults:
    """Collects what is wrong with one input, so that its sender is told all of it at once."""

    def __init__(self) -> None:
        self._found: dict[FieldFault, None] = {}
        self._kinds: set[type[InvalidInput]] = set()

    def add(self, error: InvalidInput) -> None:
        self._found |= dict.fromkeys(error.faults)
        self._kinds.add(type(error))

    def read(self, read: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
        """What `read` gives; None where it finds a fault, which is kept."""
        try:
            return read(*args, **named)
        except InvalidInput as error:
            self.add(error)
            return None

    def settle(self, kind: type[InvalidInput] = InvalidInput) -> None:
        """Raise one error of all that was found; its type is that of each where they agree, otherwise `kind`."""
        if self._found:
            agreed = self._kinds.pop() if len(self._kinds) == 1 else kind
            raise agreed(*list(self._found)[:MOST_FAULTS])
