"""A chunked body (RFC 9112 §7.1), piece by piece as it comes; strict, since proxies differ in what is not."""

from __future__ import annotations

import re

from shop_core.http.worker.bad_requests import Refused

LINE_LIMIT = 1024  # a chunk's size and extensions, or one trailer
TRAILERS_LIMIT = 8 * 1024
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")


class Chunks:
    """What was decoded is in `data`; `whole` once the last chunk and its trailers are in."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.whole = False
        self._left = 0  # of the chunk in hand, with its CRLF
        self._trailers = -1  # their bytes, once they begin

    def take(self, buffer: bytearray) -> None:
        """Decode what is in `buffer` and remove it from there; what follows the body stays."""
        while not self.whole and buffer:
            if self._left:
                if not self._take_data(buffer):
                    return
            elif (line := _line(buffer)) is None:
                return
            elif self._trailers >= 0:
                self._take_trailer(line)
            else:
                self._begin(line)

    def _begin(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None:
            raise Refused(400, "The body can't be read: a chunk's size is not one.", "Transfer-Encoding")
        size = int(found[1], 16)
        if size:
            self._left = size + 2
        else:
            self._trailers = 0

    def _take_data(self, buffer: bytearray) -> bool:
        """False where more has to come first."""
        data = min(len(buffer), self._left - 2)
        if data > 0:
            self.data += buffer[:data]
            del buffer[:data]
            self._left -= data
        if self._left > 2 or len(buffer) < 2:
            return False
        if buffer[:2] != b"\r\n":
            raise Refused(400, "The body can't be read: a chunk is longer than it says.", "Transfer-Encoding")
        del buffer[:2]
        self._left = 0
        return True

    def _take_trailer(self, line: bytes) -> None:
        """Trailers are counted and dropped: no route knows any."""
        self._trailers += len(line) + 2
        if self._trailers > TRAILERS_LIMIT:
            raise Refused(431, "The trailers are too long.")
        if not line:
            self.whole = True
        elif b":" not in line[1:] or line[:1] in b" \t":
            raise Refused(400, "The body can't be read: a trailer is no header.", "Transfer-Encoding")


def _line(buffer: bytearray) -> bytes | None:
    """The next line without its CRLF, None while it is not in."""
    end = buffer.find(b"\n")
    if end < 0:
        if len(buffer) > LINE_LIMIT:
            raise Refused(400, "The body can't be read: a line of its chunks is too long.", "Transfer-Encoding")
        return None
    line = bytes(buffer[: end + 1])
    del buffer[: end + 1]
    if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
        raise Refused(400, "The body can't be read: a line does not end in CRLF.", "Transfer-Encoding")
    return line[:-2]
