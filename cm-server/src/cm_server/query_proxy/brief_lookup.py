"""What a command may ask cm-api before it is published: briefly, since commands work without the read side.

After a question without an answer cm-api is left alone for a second, so that no command waits for it meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from cm_server.query_proxy.client import QueryClient

log = logging.getLogger(__name__)
ASK_SECONDS = 0.25
REST_SECONDS = 1.0


class BriefQuestions:
    """One worker's."""

    def __init__(self, queries: QueryClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._queries = queries
        self._clock = clock
        self._rests_until = 0.0

    def ask(self, path: str, body: bytes | None = None) -> bytes | None:
        """The answer to a GET, or a POST of `body`; None where there is none in time."""
        if self._clock() < self._rests_until:
            return None
        answer = self._queries.ask(path, body, ASK_SECONDS)
        if answer is None:
            self._rests_until = self._clock() + REST_SECONDS
            log.info("cm_api_not_asked", extra={"seconds": REST_SECONDS})
        return answer
