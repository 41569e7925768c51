"""Servers that the bench starts for itself, beside the platform's."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"


@contextmanager
def serving(command: list[str], port: int, **settings: str) -> Iterator[str]:
    """The address of a server once its port is open; it is stopped at the end."""
    server = subprocess.Popen(
        command, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    try:
        await_port(port)
        yield f"{HOST}:{port}"
    finally:
        server.terminate()
        server.wait()


def await_port(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")
