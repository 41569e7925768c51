"""JSON lines on stderr, in the format of the services."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# What kopf hangs on a record for its own event poster.
_KOPF = {"settings", "k8s_skip", "k8s_ref"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, event, and every field given by `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD | _KOPF}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(level: str) -> None:
    """Send every logger to stderr as JSON; the libraries only speak when something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("kafka", "kopf", "asyncio", "urllib3", "kubernetes"):
        logging.getLogger(name).setLevel("WARNING")
    # That it does not take the signals of the process is what we want.
    logging.getLogger("kopf._core.reactor.running").setLevel("ERROR")
