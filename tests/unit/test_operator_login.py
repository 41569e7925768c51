"""Whatever bytes a Secret holds or lacks, the resource says which Secret, which key, and what is expected."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest

from shop_operator.adapters import kafka_client_log
from shop_operator.adapters.kafka_pool import Kafkas
from shop_operator.desired import kafka_login
from shop_operator.desired.kafka_login import BadSecret, Login

Manifest = dict[str, Any]
SCRAM = {"sasl": b"scram_sha512", "username": b"me", "password": b"secret"}


def secret(**data: bytes) -> Manifest:
    return {"data": {key: base64.b64encode(value).decode() for key, value in data.items()}}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "Secret s (kafka.secretRef) does not exist"),
        ({"sasl": b"SCRAM"}, "sasl is 'SCRAM', but must be none, plaintext"),
        ({"sasl": b"a-password-that-went-astray"}, "sasl is something of 27 characters"),
        ({"sasl": b"plaintext", "username": b"me"}, "has no key password"),
        ({"sasl": b"plaintext", "username": b"", "password": b"x"}, "has no key username"),
        (SCRAM | {"password": b"\xff\xfe"}, "password is no text in UTF-8"),
        ({"tls": b"true"}, "tls is 'true', but must be enable or disable"),
        ({"tls": b"enable", "ca": b"hello"}, "ca is no certificate in PEM"),
    ],
)
def test_a_login_that_cannot_work(data: dict[str, bytes] | None, words: str) -> None:
    with pytest.raises(BadSecret) as caught:
        kafka_login.read({"secretRef": {"name": "s"}}, lambda _: None if data is None else secret(**data))
    assert words in str(caught.value) and "astray" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "content", "words"),
    [
        ("ca.crt", b"hello", "Secret c (kafka.caSecretRef): ca.crt is no certificate in PEM"),
        ("ca.crt", b"", "no certificate in PEM"),
        ("ca.crt", "é".encode(), "no certificate in PEM"),
        ("ca.crt", b"\xff", "no text in UTF-8"),
        ("ca.crt", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate in PEM"),
        ("ca.crt", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no certificate in PEM"),
        ("tls.crt", b"hello", "has no key ca.crt: it must be a certificate in PEM"),
    ],
)
def test_certificates_that_are_none(key: str, content: bytes, words: str) -> None:
    with pytest.raises(BadSecret) as caught:
        kafka_login.read({"caSecretRef": {"name": "c"}}, lambda _: secret(**{key: content}))
    assert words in str(caught.value)


def test_a_login_with_line_ends_from_an_editor() -> None:
    found = kafka_login.read({"secretRef": {"name": "s"}}, lambda _: secret(**SCRAM | {"sasl": b"scram_sha512\n"}))
    assert kafka_login.options(found)["sasl_mechanism"] == "SCRAM-SHA-512" and found.user == "me"
    assert kafka_login.options(Login()) == {"security_protocol": "PLAINTEXT"}
    assert kafka_login.options(kafka_login.read({"secretRef": {"name": "s"}}, lambda _: {})) == {
        "security_protocol": "PLAINTEXT"
    }


def test_the_cause_of_a_failed_connection_is_heard() -> None:
    heard = kafka_client_log.Complaints()

    def say(thread: str, text: str, *arguments: object) -> None:
        record = logging.LogRecord(kafka_client_log.LOGGER, logging.WARNING, "", 0, text, arguments, None)
        record.threadName = thread
        heard.handle(record)

    class KafkaTimeoutError(Exception):
        """Named as the client's."""

    say("kafka-io-one", "Bootstrap connection to %s failed: %s", "b", OSError("111 refused"))
    say("kafka-io-one", "Bootstrap failed: %s", KafkaTimeoutError("Unable to bootstrap"))
    say("kafka-io-two", "Bootstrap attempt to b failed: gone")
    say("look_1", "Bootstrap connection to %s failed: %s", "b", OSError("of somebody else"))
    assert heard.taken("one") == "OSError: 111 refused" and heard.taken("one") == ""
    assert heard.taken("two").endswith("gone") and heard.taken("three") == ""


def test_what_nobody_uses_is_closed() -> None:
    kafkas = Kafkas()
    for number in range(200):
        used = kafkas.at(("ns", "a"), "k:1", Login({"password": str(number)}))
        assert kafkas.at(("ns", "b"), "k:1", Login({"password": str(number)})) is used
        assert kafkas.open <= 2
    kafkas.release(("ns", "a"))
    assert kafkas.open == 1
    kafkas.release(("ns", "b"))
    kafkas.release(("ns", "b"))
    assert kafkas.open == 0
