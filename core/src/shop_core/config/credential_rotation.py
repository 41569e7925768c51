"""Passwords and certificates that change while we run: their files are watched, and who holds clients makes them anew.

A consumer makes itself anew within its process; a gunicorn worker ends as on SIGTERM (what it has in hand is finished)
and gunicorn starts the next one. The process, and so the pod, lives on.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import Any

from shop_core.config.known_variables import KNOWN
from shop_core.config.reloading import ChangeDetector

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
# Their readers look at them again by themselves.
READ_AGAIN = ("LOG_LEVEL_FILE", "AUTH_API_KEYS_FILE", "AUTH_JWT_JWKS_FILE", "AUTH_JWT_CA_FILE", "CM_API_TOKEN_FILE")
CREDENTIAL_FILES = tuple(name for name in KNOWN if name.endswith("_FILE") and name not in READ_AGAIN)


def credentials() -> ChangeDetector:
    """The files that this process proves itself by."""
    return ChangeDetector(os.environ.get(name, "") for name in CREDENTIAL_FILES)


class CredentialWatch:
    """Whether the credentials have changed since this was made; looks at the files now and then."""

    def __init__(self) -> None:
        self._changes = credentials()
        self._looked = time.monotonic()

    def due(self) -> bool:
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return False
        self._looked = time.monotonic()
        return self._changes.any()


def end_worker_on_change(worker: Any) -> None:
    """Let a gunicorn worker end when the credentials change; one after the other, so that one always serves.

    `worker.credentials` was made before the worker read any of them: what changes while it starts is seen as well.
    """

    def watch() -> None:
        while not worker.credentials.any():
            time.sleep(LOOK_SECONDS)
        log.info("credentials_changed", extra={"pid": worker.pid})
        time.sleep(worker.age % 4 * 2 * LOOK_SECONDS)
        os.kill(worker.pid, signal.SIGTERM)

    if any(os.environ.get(name) for name in CREDENTIAL_FILES):
        threading.Thread(target=watch, name="rotation", daemon=True).start()
