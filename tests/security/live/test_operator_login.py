"""The operator at a broker that asks who it is: each way in which a login fails is told as such, with what to correct,
and never as a broker that is away (which tests/apiserver/test_causes.py has)."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shop_operator.adapters.kafka import Kafka
from shop_operator.decisions import kafka_faults
from shop_operator.decisions.kafka_faults import KafkaTrouble
from shop_operator.desired.kafka_login import Login
from shop_security.authority import Authority
from shop_security.secured import Secured

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
def collected(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """While that is passed over, and not in the test that comes next: the records of the client's log keep them."""
    yield
    caplog.get_records("call").clear()
    gc.collect()


def login(secured: Secured, **other: str) -> Login:
    password = (secured.kafka / "operator").read_text().strip()
    said = {"sasl": "scram_sha512", "username": "operator", "password": password, "tls": "enable"}
    return Login(said | {"ca": secured.ca.read_text()} | other, SOURCE)


def trouble(bootstrap: str, known_by: Login) -> tuple[str, str]:
    """Reason and message. The error itself would keep the client's sockets."""
    kafka = Kafka(bootstrap, known_by)
    try:
        kafka.observe("shop.purchases", "cm-api-purchases")
    except KafkaTrouble as error:
        return error.reason, str(error)
    finally:
        kafka.close()
    pytest.fail("it let the operator in")


@pytest.mark.parametrize("way", WRONG)
def test_a_login_that_is_refused_names_user_and_secret(secured: Secured, way: str) -> None:
    other, words = WRONG[way]
    reason, said = trouble(secured.bootstrap, login(secured, **other))
    assert reason == kafka_faults.NOT_AUTHENTICATED
    for word in words:
        assert word in said
    assert "wrong" not in said, "no password in a status"


def test_a_broker_that_shows_another_certificate_is_not_trusted(
    secured: Secured, make_authority: Callable[[Path], Authority], tmp_path: Path
) -> None:
    other = make_authority(tmp_path / "other").certificate.read_text()
    reason, said = trouble(secured.bootstrap, login(secured, ca=other))
    assert reason == kafka_faults.NOT_AUTHENTICATED
    assert "certificate that is not trusted" in said and "kafka.caSecretRef" in said
