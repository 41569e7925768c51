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


class Conflict(Unavailable):
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
    """Input that breaks a rule. `status` is 400 (syntax, query), 413, 415 or 422 (a field's value)."""

    def __init__(self, *faults: FieldFault, status: int = 422) -> None:
        super().__init__("; ".join(f"{f.field}: {f.detail}" for f in faults))
        self.faults = faults
        self.status = status


class Faults:
    """Collects what is wrong with one input, so that its sender is told all of it at once."""

    def __init__(self) -> None:
        self._found: dict[FieldFault, None] = {}
        self._statuses: set[int] = set()

    def add(self, error: InvalidInput) -> None:
        self._found |= dict.fromkeys(error.faults)
        self._statuses.add(error.status)

    def read(self, read: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
        """What `read` gives; None where it finds a fault, which is kept."""
        try:
            return read(*args, **named)
        except InvalidInput as error:
            self.add(error)
            return None

    def settle(self, status: int = 422) -> None:
        """Raise one error of all that was found; its status is that of each where they agree, otherwise `status`."""
        if self._found:
            agreed = self._statuses.pop() if len(self._statuses) == 1 else status
            raise InvalidInput(*list(self._found)[:MOST_FAULTS], status=agreed)
