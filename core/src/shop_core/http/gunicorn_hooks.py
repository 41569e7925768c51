"""What gunicorn calls: logs as JSON, clean-up after dead workers' metrics, and no fork of a Kafka client."""

from __future__ import annotations

import logging
import os
import shutil
from typing import Any

from prometheus_client import multiprocess

from shop_core.config import credential_rotation
from shop_core.config.settings import LogSettings, load
from shop_core.http import worker_memory
from shop_core.telemetry import logs, request_summary

preload_app = False  # each worker builds its app, and its Kafka client, after the fork
accesslog = None
control_socket_disable = True
limit_request_line = 8190
limit_request_fields = 64
forwarder_headers = ""  # nobody sets SCRIPT_NAME or PATH_INFO by a header


def on_starting(server: Any) -> None:
    worker_memory.reserve()
    logs.configure(load(LogSettings, os.environ))
    on_reload(server)


def on_reload(server: Any) -> None:
    """On SIGHUP gunicorn sets up its loggers anew: without this each of its lines would come twice."""
    for name in ("gunicorn.error", "gunicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def post_fork(server: Any, worker: Any) -> None:
    worker.credentials = credential_rotation.credentials()


def post_worker_init(worker: Any) -> None:
    credential_rotation.end_worker_on_change(worker)
    if (summary := _extension(worker, request_summary.EXTENSION)) is not None:
        summary.start()


def child_exit(server: Any, worker: Any) -> None:
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def worker_exit(server: Any, worker: Any) -> None:
    """Close what the worker's app opened, so that nothing acked or in flight is cut off, and no count is lost."""
    if (summary := _extension(worker, request_summary.EXTENSION)) is not None:
        summary.close()
    if (close := _extension(worker, "shop_close")) is not None:
        close()


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def _extension(worker: Any, name: str) -> Any:
    """What the worker's app has under this name; None where it has no app, as it never came to one."""
    return getattr(getattr(worker, "app_made", None), "extensions", {}).get(name)
