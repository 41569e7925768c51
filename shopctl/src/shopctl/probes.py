"""Questions to a port: is it free, does it listen, does its HTTP path answer 200."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from shopctl.layout import HOST

ANSWER_WITHIN = 3.0


def port_is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen on `port` now; a connection in TIME_WAIT is no hindrance."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


async def listens(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), ANSWER_WITHIN)
    except (OSError, TimeoutError):
        return False
    await _close(writer)
    return True


async def answers(host: str, port: int, path: str) -> bool:
    """Whether GET `path` is answered with 200."""
    try:
        return await asyncio.wait_for(_status(host, port, path), ANSWER_WITHIN) == 200
    except (OSError, TimeoutError, ValueError):
        return False


async def _status(host: str, port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        line = await reader.readline()
        return int(line.split()[1]) if line.startswith(b"HTTP/") else 0
    finally:
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
