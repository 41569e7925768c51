"""A GET over a pool of kept connections, any of which the other side may have closed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping

import urllib3

CONNECT_SECONDS = 1.0


def get(
    pool: urllib3.connectionpool.HTTPConnectionPool, target: str, headers: Mapping[str, str], seconds: float
) -> urllib3.BaseHTTPResponse:
    """Once more only where a kept connection turns out to be closed: who was waited for is not asked again."""
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds)
    try:
        return pool.urlopen("GET", target, headers=headers, redirect=False, timeout=timeout)
    except urllib3.exceptions.ProtocolError:
        return pool.urlopen("GET", target, headers=headers, redirect=False, timeout=timeout)
