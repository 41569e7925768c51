"""JSON lines on stderr, one an event, in one form for every process."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

_ENCODER = json.JSONEncoder(default=str, ensure_ascii=False)  # `json.dumps` would make one for each line
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, event, what `context` tells, and every field given by `extra` that
    is not `hidden`."""

    def __init__(self, context: Callable[[], Mapping[str, Any]] = dict, hidden: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._context, self._hidden = context, _STANDARD | hidden

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= self._context()
        line |= {name: value for name, value in vars(record).items() if name not in self._hidden}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


def to_stderr(formatter: JsonFormatter) -> None:
    """Send every logger there, and nowhere else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.getLogger().handlers[:] = [handler]
