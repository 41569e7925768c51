"""The small tree of errors that cross module borders; HTTP statuses are mapped in one place, `shop_core.problems`."""

from __future__ import annotations

from dataclasses import dataclass


class ShopError(Exception):
    """Root of every error that the platform raises on purpose."""


class ConfigError(ShopError):
    """Configuration that stops the start; the message is one sentence that says what to set."""


class Outage(ShopError):
    """A dependency (broker, database, cm-api) is away or too slow: retry later, never a fault of the data."""


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
