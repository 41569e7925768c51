"""Settings are frozen dataclasses, read once from the environment. Each field names its variable, unit and default; a
bad value, or a misspelling of a known variable, stops the start with one sentence. Services and operator share this."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

S = TypeVar("S")
# What Kubernetes and proxies set by themselves, whatever it begins with.
_NOT_OURS = ("_PROXY", "_SERVICE_HOST", "_SERVICE_PORT")


class ConfigError(Exception):
    """Configuration that stops the start; the message is one sentence that says what to set."""


def text(value: str) -> str:
    """A parser for any words."""
    if not value.strip():
        raise ValueError("must not be empty")
    return value.strip()


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser for whole numbers from `low` to `high`."""

    def parse(value: str) -> int:
        if not (value.strip().isascii() and value.strip().isdecimal()) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def choice(*words: str) -> Callable[[str], str]:
    """A parser for one of `words`."""

    def parse(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return parse


def variable(name: str, default: Any, parse: Callable[[str], Any], unit: str, about: str) -> Any:
    """One setting: its variable's name, default, parser, unit ('' for none) and one line of explanation."""
    return dataclasses.field(default=default, metadata={"env": name, "parse": parse, "unit": unit, "about": about})


@dataclasses.dataclass(frozen=True)
class Loader:
    """Fills settings from an environment. A variable that begins by one of `prefixes`, is neither asked for nor in
    `known`, and looks like one that is, is a mistake; `error` is what is raised for it and for a bad value."""

    prefixes: tuple[str, ...]
    known: tuple[str, ...] = ()
    error: type[ConfigError] = ConfigError

    def load(self, cls: type[S], environ: Mapping[str, str] = os.environ) -> S:
        """`cls` filled from `environ`; the error names the variable and what to set it to."""
        fields = {field.metadata["env"]: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        self._refuse_misspelt(fields, environ)
        values: dict[str, Any] = {}
        for name, field in fields.items():
            if name not in environ:
                continue
            try:
                values[field.name] = field.metadata["parse"](environ[name])
            except ValueError as error:
                raise self.error(f"{name} {error}, but it is {without_login(environ[name])!r}.") from None
        return cls(**values)

    def _refuse_misspelt(self, asked: Iterable[str], environ: Iterable[str]) -> None:
        names = {*asked, *self.known}
        for name in environ:
            if name in names or not name.startswith(self.prefixes) or name.endswith(_NOT_OURS):
                continue
            if close := difflib.get_close_matches(name, names, n=1, cutoff=0.85):
                raise self.error(f"{name} is not a known setting: rename it to {close[0]} or remove it.")


def without_login(value: str) -> str:
    """`value` as it may be shown: an address without the name and password in it."""
    return re.sub(r"^([a-z]+://)?.*@", r"\1…@", value)
