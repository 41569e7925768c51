"""The head of a request: where it ends, and what it says of the body. Read by gunicorn's parser, more strictly.

gunicorn's fast parser takes lines that end in a bare LF and folded ones; a proxy in front may see other lines there.
"""

from __future__ import annotations

import re
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from shop_core.http.worker.bad_requests import Refused, by_parser

HEAD_LIMIT = 64 * 1024
_END = re.compile(rb"\n\r?\n")
_FOLDED = re.compile(rb"\r\n[ \t]")
# Fields of which a second line makes two meanings; their lines would be joined by a comma and taken for one value.
SINGLE = ("Idempotency-Key", "Authorization", "X-API-Key", "Content-Type", "Content-Length", "Host", "Expect")


class Head:
    """A head that was read. `length` is the body's in bytes, None where it comes in chunks."""

    def __init__(self, request: Any) -> None:
        self.request = request
        self.length: int | None = None
        if not isinstance(request.body.reader, ChunkedReader):
            self.length = int(request.body.reader.length)
        self.expects_continue = bool(request._expected_100_continue)
        request._expected_100_continue = False  # it is said once the body is wanted, not before
        self.closes = bool(request.must_close)


def end_of_head(buffer: bytearray, start: int, limit_line: int) -> int | None:
    """The index after the head's last byte, None while it is not in; `Refused` for one that grows too long."""
    found = _END.search(buffer, start)
    if found is not None:
        return found.end()
    line = buffer.find(b"\n", 0, limit_line + 2)
    if line < 0 and len(buffer) > limit_line:
        raise Refused(414, f"The request line is longer than {limit_line} bytes.")
    if len(buffer) > HEAD_LIMIT:
        raise Refused(431, f"The head is longer than {HEAD_LIMIT} bytes.")
    return None


def read_head(head: bytes, cfg: Any, client: Any, number: int) -> Head:
    """The head in `head`; `Refused` for one that breaks the grammar."""
    if head.count(b"\n") != head.count(b"\r\n") or head.count(b"\r") != head.count(b"\r\n"):
        raise Refused(400, "The request can't be read: a line does not end in CRLF.")
    if _FOLDED.search(head):
        raise Refused(400, "The request can't be read: a header goes on in the next line.")
    try:
        request = Request(cfg, IterUnreader([head]), client, number)
    except (ParseException, NoMoreData, StopIteration, ValueError, AssertionError) as error:
        raise by_parser(error) from None
    _look_at(request.headers)
    if any(name == "CONNECTION" and "close" in _tokens(value) for name, value in request.headers):
        request.force_close()
    return Head(request)


def _look_at(headers: list[tuple[str, str]]) -> None:
    """Raise `Refused` for what is ambiguous: fields that may come once, and codings that nobody here undoes."""
    names = [name for name, _ in headers]
    if len(set(names)) < len(names):
        for name in SINGLE:
            if names.count(name.upper()) > 1:
                raise Refused(400, f"{name} is given more than once.", name)
    if any(name == "TRANSFER-ENCODING" and _tokens(value) != ["chunked"] for name, value in headers):
        raise Refused(501, "Only the transfer coding chunked is understood.", "Transfer-Encoding")


def _tokens(value: str) -> list[str]:
    return [token.strip(" \t").lower() for token in value.split(",")]
