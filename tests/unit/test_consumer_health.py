"""Readiness of a consumer: a round succeeded lately, Kafka answers, and no partition stands still."""

from __future__ import annotations

import json
import socket
import urllib.request
from typing import Any

import pytest

from cm_api.pipeline import health
from cm_api.pipeline.health import READY_WITHIN, Health


def told(found: Health) -> tuple[int, dict[str, Any]]:
    status, _, body = found.answer("/readyz")
    return status, json.loads(body)


def test_each_reason_is_named_and_makes_it_not_ready() -> None:
    found = Health()
    assert told(found)[0] == 200
    found.kafka = "Kafka does not answer"
    assert told(found)[0] == 503
    assert told(found)[1]["dependencies"]["kafka"] == {"ok": False, "detail": "Kafka does not answer"}
    found.kafka, found.trouble = None, "MongoDB does not answer"
    assert told(found)[1]["dependencies"]["pipeline"]["detail"] == "MongoDB does not answer"
    found.trouble, found.partitions = None, lambda: "shop.purchases-3 from offset 7: a broken batch"
    assert told(found)[0] == 503
    assert "offset 7" in told(found)[1]["dependencies"]["partitions"]["detail"]
    found.partitions = lambda: None
    assert told(found)[0] == 200


def test_a_loop_that_goes_round_without_success_is_alive_and_not_ready() -> None:
    found = Health()
    found._good -= READY_WITHIN + 1
    found.beat()
    assert found.answer("/healthz")[0] == 200
    assert told(found)[0] == 503
    found.succeeded()
    assert told(found)[0] == 200


def test_a_loop_that_hangs_is_not_alive() -> None:
    found = Health()
    found._last -= health.STUCK_AFTER + 1
    assert found.answer("/healthz")[0] == 503


@pytest.mark.parametrize("host", ["127.0.0.1", *(["::"] if socket.has_dualstack_ipv6() else [])])
def test_it_answers_on_either_family(host: str) -> None:
    with Health().serve(host, 0) as port:
        for address in ["127.0.0.1", *(["[::1]"] if host == "::" else [])]:
            with urllib.request.urlopen(f"http://{address}:{port}/healthz", timeout=10) as answer:
                assert answer.status == 200
