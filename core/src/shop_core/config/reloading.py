"""Files that others change while we run, mounted Secrets above all: looked at now and then, read again when changed.

A mounted Secret is swapped by a symbolic link, an editor renames over the file: what tells a change is therefore the
file behind the name, its size and its time. A file that can't be read any more keeps its last good value.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from shop_core.errors import ConfigError

log = logging.getLogger(__name__)
T = TypeVar("T")
LOOK_SECONDS = 1.0
Stamp = tuple[int, int, int]


def stat_signature(path: Path) -> Stamp | None:
    """What changes when the file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class ReloadingFile(Generic[T]):
    """The parsed content of one file, at most `LOOK_SECONDS` old. `parse` raises `ValueError` for a bad content."""

    def __init__(self, path: str, parse: Callable[[str], T]) -> None:
        self._path = Path(path)
        self._parse = parse
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        try:
            self._stamp = stat_signature(self._path)
            self._value = parse(self._path.read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} can't be used ({error}): it must be there and whole at the start.") from None

    def get(self) -> T:
        """The newest good value."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._looked = now
                self._look()
            finally:
                self._lock.release()
        return self._value

    def _look(self) -> None:
        found = stat_signature(self._path)
        if found == self._stamp:
            return
        self._stamp = found
        try:
            self._value = self._parse(self._path.read_text())
            log.info("file_reloaded", extra={"file": str(self._path)})
        except (OSError, ValueError) as error:
            log.warning("file_unusable", extra={"file": str(self._path), "error": type(error).__name__})


def secret(text: str) -> str:
    """A secret's content, without the newline that editors put at its end."""
    if not text.strip():
        raise ValueError("is empty")
    return text.strip()


def read_secret(file: str, otherwise: str, parse: Callable[[str], str] = str) -> str:
    """The secret in `file` as it is now, where one is named, by its setting's `parse`; else the setting `otherwise`."""
    return ReloadingFile(file, lambda content: parse(secret(content))).get() if file else otherwise


class ChangeDetector:
    """Whether any of some files says another thing than when this object was made.

    By content: where one key of a mounted Secret changes, every file of it is another one, and most say the same.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._prints = {path: fingerprint(Path(path)) for path in paths if path}

    def any(self) -> bool:
        """A file that is away for a moment, as during a swap, is no change yet."""
        now = {path: fingerprint(Path(path)) for path in self._prints}
        return any(found is not None and found != self._prints[path] for path, found in now.items())


def fingerprint(path: Path) -> bytes | None:
    """What changes when the content does; None where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None
