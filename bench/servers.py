"""Servers that the bench starts for itself, beside the platform's."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"


@contextmanager
def serving(command: list[str], port: int, **settings: str) -> Iterator[str]:
    """The address of a server once its port is open; it is stopped at the end."""
    with started(command, port, **settings):
        yield f"{HOST}:{port}"


@contextmanager
def started(command: list[str], port: int, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server's process once its port is open; it is stopped at the end."""
    with tempfile.TemporaryFile("w+") as said:
        server = subprocess.Popen(command, env=os.environ | settings, stdout=said, stderr=said)
        try:
            if not opened(port, server):
                said.seek(0)
                raise TimeoutError(f"nothing listens on port {port}:\n{said.read()[-2000:]}")
            yield server
        finally:
            server.terminate()
            server.wait()


def opened(port: int, server: subprocess.Popen[bytes]) -> bool:
    """Whether the server listens within half a minute."""
    deadline = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False
