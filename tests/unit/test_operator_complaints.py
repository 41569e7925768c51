"""Which of a Kafka client's complaints is told: the one that says most, not the one that came last."""

from __future__ import annotations

import logging

import pytest

from shop_operator.adapters.kafka_client_log import LOGGER, THREAD, Complaints

HUNG_UP = ConnectionError("socket disconnected")
TIMED_OUT = TimeoutError("Request timed out after 1 ms")


class SaslAuthenticationFailedError(Exception):
    """Named as the client's own."""


REFUSED = SaslAuthenticationFailedError("invalid credentials")


def taken(*causes: BaseException) -> str:
    heard = Complaints()
    for cause in causes:
        record = logging.LogRecord(LOGGER, logging.WARNING, "", 0, "failed: %s", (cause,), None)
        record.threadName = f"{THREAD}one"
        heard.emit(record)
    found = heard.taken("one")
    assert heard.taken("one") == "", "once"
    return found


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ((HUNG_UP, HUNG_UP, TIMED_OUT), "socket disconnected"),
        ((TIMED_OUT, HUNG_UP), "socket disconnected"),
        ((REFUSED, HUNG_UP, TIMED_OUT), "invalid credentials"),
        ((HUNG_UP, REFUSED), "invalid credentials"),
        ((TIMED_OUT, ConnectionError("ECONNREFUSED")), "ECONNREFUSED"),
        ((), ""),
    ],
)
def test_the_most_telling_complaint_is_kept(causes: tuple[BaseException, ...], said: str) -> None:
    assert said in taken(*causes)
    assert (taken(*causes) == "") is (said == "")
