"""What a route reads its body from. A body that is in is plain memory; one that is not holds no thread."""

from __future__ import annotations

from typing import NoReturn

MOST_BYTES = 1024 * 1024  # the largest body that any route takes; each route has a limit of its own below it
_PIECE = 64 * 1024  # what Werkzeug asks for at a time, unless the route's limit is smaller


class BodyWanted(BaseException):
    """The route asked for a body that is not in yet: it runs again when it is.

    No `Exception`, since no handler of the app may take it for a fault. `most` is how much is worth waiting for.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.most = size if 0 < size < _PIECE else MOST_BYTES


class Unfinished:
    """`wsgi.input` of a request whose body is not in: whatever can be answered by the head alone is answered."""

    def read(self, size: int = -1) -> NoReturn:
        raise BodyWanted(size)

    def readline(self, size: int = -1) -> NoReturn:
        raise BodyWanted(-1)

    def readlines(self, hint: int = -1) -> NoReturn:
        raise BodyWanted(-1)

    def __iter__(self) -> NoReturn:
        raise BodyWanted(-1)
