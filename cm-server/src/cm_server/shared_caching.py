"""What a cache that many share (a proxy, a CDN) may keep: reads of the catalog, where nobody is asked who they are.

There an answer is the same for everybody. With API keys or tokens it is not: reviews tell their author, and who may not
call must not be served by a cache. So nothing is said then, and `private` stays, which keeps every shared cache away.
"""

from __future__ import annotations

from flask import Flask, Response, request

from shop_core.events.catalog import DOMAIN
from shop_core.http.browsers import SAFE

_OF_ONE_CALLER = "RateLimit-"


def install(app: Flask, max_age: int, stale: int) -> None:
    """Let answers be kept `max_age` seconds, and served `stale` more while a newer one is fetched (RFC 5861). Before
    the limits are installed, since what comes first sees an answer last."""
    words = f"public, max-age={max_age}" + (f", stale-while-revalidate={stale}" if stale else "")

    def tell(answer: Response) -> Response:
        # Who waits for a receipt asks for what is newest.
        if _is_a_read(answer.status_code) and "after" not in request.args:
            answer.headers["Cache-Control"] = words
            for name in [name for name, _ in answer.headers if name.startswith(_OF_ONE_CALLER)]:
                del answer.headers[name]
        return answer

    app.after_request(tell)


def _is_a_read(status: int) -> bool:
    return status in (200, 304) and request.method in SAFE and request.blueprint == DOMAIN.name
