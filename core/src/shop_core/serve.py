"""Starting a service: configuration faults become one sentence, and a WSGI app becomes a gunicorn process."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from shop_core.errors import ConfigError, Outage

GRACE_SECONDS = 20


@contextmanager
def one_sentence() -> Iterator[None]:
    """End with exit code 2 and one sentence on stderr for a `ConfigError`, 3 for an `Outage` that stops the start."""
    try:
        yield
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    except Outage as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(3) from None


def gunicorn(app: str, *, host: str, port: int, workers: int, threads: int) -> NoReturn:
    """Replace this process by gunicorn serving `app`; metrics are summed over its workers."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="shop-metrics-")
    arguments = [
        "--bind", f"{host}:{port}", "--worker-class", "shop_core.patience.PatientWorker", "--workers", str(workers),
        "--threads", str(threads), "--graceful-timeout", str(GRACE_SECONDS), "--keep-alive", "75",
        "--config", "python:shop_core.gunicorn_hooks", app,
    ]  # fmt: skip
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *arguments])
