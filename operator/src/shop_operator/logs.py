"""The operator's logs: JSON lines in the form of the services, and which libraries may speak."""

from __future__ import annotations

import logging

from shop_runtime.json_logs import JsonFormatter, to_stderr

# What kopf hangs on a record for its own event poster.
_KOPF = frozenset({"settings", "k8s_skip", "k8s_ref"})


def configure(level: str) -> None:
    """Send every logger to stderr as JSON; the libraries only speak when something is wrong."""
    to_stderr(JsonFormatter(hidden=_KOPF))
    logging.getLogger().setLevel(level)
    for name in ("kafka", "kopf", "asyncio", "urllib3", "kubernetes"):
        logging.getLogger(name).setLevel("WARNING")
    # That it does not take the signals of the process is what we want.
    logging.getLogger("kopf._core.reactor.running").setLevel("ERROR")
