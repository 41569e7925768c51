"""The services' logs: JSON lines with the id that ties a request to its event and its place in the log.

Levels come from LOG_LEVEL and LOG_LEVELS, and from LOG_LEVEL_FILE, which is read again on SIGHUP (a gunicorn master
answers SIGHUP by replacing its workers, which then read it), so a running service can be made to talk.
"""

from __future__ import annotations

import contextvars
import logging
import signal
from pathlib import Path

from shop_core.config.settings import LogSettings
from shop_core.errors import ConfigError
from shop_runtime import json_logs
from shop_runtime.json_logs import JsonFormatter

request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)


def _request() -> dict[str, str]:
    current = request_id.get()
    return {} if current is None else {"request_id": current}


def configure(settings: LogSettings) -> None:
    """Send every logger to stderr as JSON at the levels of `settings`; raises `ConfigError` for a bad level."""
    json_logs.to_stderr(JsonFormatter(_request))
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
