"""What the Kafka client says while it connects, and keeps from its caller: a wrong password or certificate ends there
as "unable to bootstrap". Its log has the cause, and each client its own thread, by which a cause is found again."""

from __future__ import annotations

import logging
import threading

# The client's logger for connections, how it names the thread of a client, and the summary of all tries, which comes
# last and says less than any of them.
LOGGER, THREAD, SUMMARY = "kafka.net.manager", "kafka-io-", "KafkaTimeoutError"
# How it says that the broker ended a connection that stood.
HUNG_UP, TRIED = "socket disconnected", "Bootstrap attempt to "


class Complaints(logging.Handler):
    """Keeps the most telling cause that each client met, of equal ones the last, by the client's id: after a broker has
    hung up some times, the last try just runs out of time."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last: dict[str, str] = {}
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        name = record.threadName or ""
        if name.startswith(THREAD) and (cause := _cause(record)):
            with self._guard:
                before = self._last.get(name.removeprefix(THREAD), "")
                if _weight(cause) >= _weight(before):
                    self._last[name.removeprefix(THREAD)] = cause

    def taken(self, client_id: str) -> str:
        """The last cause of this client, once; '' for none."""
        with self._guard:
            return self._last.pop(client_id, "")


def listen() -> Complaints:
    """Hear the client; its log goes no further, as every cause is told by the resource's status."""
    made, logger = Complaints(), logging.getLogger(LOGGER)
    logger.addHandler(made)
    logger.propagate = False
    return made


def _cause(record: logging.LogRecord) -> str:
    arguments = record.args if isinstance(record.args, tuple) else ()
    found = next((each for each in arguments if isinstance(each, BaseException)), None)
    if found is not None:
        return "" if type(found).__name__ == SUMMARY else f"{type(found).__name__}: {_words(found)}"
    said = record.getMessage()
    return said if said.startswith(TRIED) else ""


def _weight(cause: str) -> int:
    if "Sasl" in cause or "SSL" in cause:
        return 3
    if HUNG_UP in cause or TRIED in cause:
        return 2
    return 1 if cause else 0


def _words(error: BaseException) -> str:
    return str(error.args[0]) if error.args else ""
