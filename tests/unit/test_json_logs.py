"""A line of a log, as every process writes it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from shop_core.http import gunicorn_hooks
from shop_operator import logs
from shop_runtime.json_logs import JsonFormatter


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """Handlers and levels as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    names = ("kafka", "kopf", "asyncio", "urllib3", "kubernetes", "kopf._core.reactor.running")
    before = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, known in before.items():
        logging.getLogger(name).setLevel(known)


def written(formatter: logging.Formatter, **fields: Any) -> dict[str, Any]:
    record = {"name": "x", "levelname": "INFO", "msg": "bought %s", "args": ("tea",), "created": 1.5}
    found: dict[str, Any] = json.loads(formatter.format(logging.makeLogRecord(record | fields)))
    return found


def test_a_line_has_its_fields_and_nothing_of_the_record() -> None:
    line = written(JsonFormatter(lambda: {"request_id": "r"}), event_id="é", path=object)
    assert line == {
        "time": "1970-01-01T00:00:01.500+00:00",
        "level": "INFO",
        "logger": "x",
        "event": "bought tea",
        "request_id": "r",
        "event_id": "é",
        "path": "<class 'object'>",
    }


def test_an_exception_is_in_its_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        assert "ValueError: two\nlines" in written(JsonFormatter(), exc_info=sys.exc_info())["exception"]


def test_gunicorns_own_lines_come_once_also_after_sighup() -> None:
    settings = Config()
    for name in ("error_log", "access_log"):  # what a reload of gunicorn makes anew
        logger = getattr(Logger(settings), name)
        logger.addHandler(logging.NullHandler())
    gunicorn_hooks.on_reload(None)
    for name in ("gunicorn.error", "gunicorn.access"):
        assert (logging.getLogger(name).handlers, logging.getLogger(name).propagate) == ([], True)


def test_the_operator_shows_nothing_that_kopf_hangs_on_a_record() -> None:
    logs.configure("INFO")
    [handler] = logging.getLogger().handlers
    assert handler.formatter is not None
    line = written(handler.formatter, settings=1, k8s_ref=2, k8s_skip=3, namespace="shop")
    assert line.keys() == {"time", "level", "logger", "event", "namespace"}
