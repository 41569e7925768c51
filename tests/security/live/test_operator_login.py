"""The operator at a broker that asks who it is: each way in which a login fails is told as such, with what to correct,
and never as a broker that is away."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shop_operator import troubles
from shop_operator.login import Login
from shop_operator.topics import Kafka
from shop_operator.troubles import KafkaTrouble

# kafka-python 3.0.12 leaves the sockets of a refused TLS handshake to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
SOURCE = "Secret shop-kafka-operator (kafka.secretRef)"
WRONG = {
    "password": ({"password": "wrong"}, ("user operator", SOURCE, "sasl, username")),
    "user": ({"username": "stranger"}, ("user stranger", SOURCE, "sasl, username")),
    "mechanism": ({"sasl": "scram_sha256"}, ("user operator", SOURCE, "sasl")),
    "plain": ({"sasl": "plaintext"}, ("user operator", SOURCE, "sasl")),
    "no login": ({"sasl": "none"}, ("hangs up", "it asks for a login")),
    "no TLS": ({"tls": "disable"}, ("hangs up", SOURCE, "tls")),
}


@pytest.fixture(autouse=True)
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While that is passed over, and not in the test that comes next: records of the client's log would keep them."""
    monkeypatch.setattr(logging.getLogger("kafka"), "propagate", False)
    yield
    gc.collect()


def login(secured: Any, **other: str) -> Login:
    password = (secured.kafka / "operator").read_text().strip()
    said = {"sasl": "scram_sha512", "username": "operator", "password": password, "tls": "enable"}
    return Login(said | {"ca": secured.ca.read_text()} | other, SOURCE)


def trouble(bootstrap: str, known_by: Login) -> KafkaTrouble:
    kafka = Kafka(bootstrap, known_by)
    try:
        with pytest.raises(KafkaTrouble) as caught:
            kafka.observe("shop.purchases", "cm-api-purchases")
        return caught.value
    finally:
        kafka.close()


@pytest.mark.parametrize("way", WRONG)
def test_a_login_that_is_refused_names_user_and_secret(secured: Any, way: str) -> None:
    other, words = WRONG[way]
    found = trouble(secured.bootstrap, login(secured, **other))
    assert found.reason == troubles.NOT_AUTHENTICATED
    for word in words:
        assert word in str(found)
    assert "wrong" not in str(found), "no password in a status"


def test_a_broker_that_shows_another_certificate_is_not_trusted(
    secured: Any, make_authority: Callable[[Path], Any], tmp_path: Path
) -> None:
    other = make_authority(tmp_path / "other").certificate.read_text()
    found = trouble(secured.bootstrap, login(secured, ca=other))
    assert found.reason == troubles.NOT_AUTHENTICATED
    assert "certificate that is not trusted" in str(found) and "kafka.caSecretRef" in str(found)


def test_a_broker_that_is_away_is_away(secured: Any) -> None:
    assert trouble("127.0.0.1:1", login(secured)).reason == troubles.AWAY
