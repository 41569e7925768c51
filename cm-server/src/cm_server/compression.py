"""Answers in br or gzip for clients that ask for it. Weak ETags then: the same state in another form."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import partial

import brotli
from flask import Response, request

WORTH_BYTES = 1024  # a smaller answer travels in one packet anyway
# Middle levels: most of the gain at a tenth of the time that the highest ones take.
_PACK: dict[str, Callable[[bytes], bytes]] = {
    "br": partial(brotli.compress, quality=4),
    "gzip": partial(gzip.compress, compresslevel=5, mtime=0),
}


def packed(answer: Response) -> Response:
    """`answer`, compressed in place when it is worth it and the client takes it."""
    answer.vary.add("Accept-Encoding")
    if answer.status_code != 200 or (answer.content_length or 0) < WORTH_BYTES:
        return answer
    asked = request.accept_encodings
    coding = next((name for name in _PACK if "*" not in asked.to_header() and asked[name] > 0), None)
    if coding is None:
        return answer
    answer.set_data(_PACK[coding](answer.get_data()))
    answer.headers["Content-Encoding"] = coding
    tag, _ = answer.get_etag()
    if tag:
        answer.set_etag(tag, weak=True)
    return answer
