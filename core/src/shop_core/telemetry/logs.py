"""JSON lines on stderr, one an event, with the ids that tie a request to its event and its place in the log.

Levels come from LOG_LEVEL and LOG_LEVELS, and from LOG_LEVEL_FILE, which is read again on SIGHUP (a gunicorn master
answers SIGHUP by replacing its workers, which then read it), so a running service can be made to talk.
"""

from __future__ import annotations

import contextvars
import json
import logging
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shop_core.config.settings import LogSettings
from shop_core.errors import ConfigError

request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
_ENCODER = json.JSONEncoder(default=str, ensure_ascii=False)  # `json.dumps` would make one for each line
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, event, and every field given by `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if (current := request_id.get()) is not None:
            line["request_id"] = current
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


def configure(settings: LogSettings) -> None:
    """Send every logger to stderr as JSON at the levels of `settings`; raises `ConfigError` for a bad level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().handlers[:] = [handler]
    apply_levels(settings)


def apply_levels(settings: LogSettings) -> None:
    """Set the levels from the settings, then from the file, which wins."""
    # urllib3 warns with the address it asked for, which holds a name.
    levels = {"kafka": "WARNING", "pymongo": "WARNING", "werkzeug": "WARNING", "urllib3": "ERROR"}
    levels |= _parse("LOG_LEVEL", settings.log_level) | _parse("LOG_LEVELS", settings.log_levels)
    file = Path(settings.log_level_file) if settings.log_level_file else None
    if file and file.is_file():
        levels |= _parse("LOG_LEVEL_FILE", file.read_text())
    for name, level in levels.items():
        logging.getLogger(name or None).setLevel(level)


def reload_on_sighup(settings: LogSettings) -> None:
    """Read LOG_LEVEL_FILE again on SIGHUP; for processes that are not gunicorn's."""
    signal.signal(signal.SIGHUP, lambda *_: apply_levels(settings))


def _parse(variable: str, text: str) -> dict[str, str]:
    levels: dict[str, str] = {}
    for part in text.replace("\n", ",").split(","):
        if not part.strip():
            continue
        name, _, level = part.strip().rpartition("=")
        level = level.strip().upper()
        if level not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
            raise ConfigError(f"{variable} must name levels like INFO or kafka=WARNING, but it has {part.strip()!r}.")
        levels[name.strip()] = level
    return levels
