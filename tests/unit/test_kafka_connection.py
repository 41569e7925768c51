"""How a process gets to Kafka, as options of both clients and as words for an outage."""

from __future__ import annotations

from pathlib import Path

import pytest

from shop_core.config.settings import KafkaSettings, load
from shop_core.errors import ConfigError
from shop_core.kafka.connection import NATIVE_NAMES, KafkaConnection

SERVERS = "kafka-0:9092, kafka-1:9092"


def connection(
    tmp_path: Path, protocol: str, password: str | None = "secret\n", user: str = "cm-server"
) -> KafkaConnection:
    file = tmp_path / "password"
    if password is not None:
        file.write_text(password)
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": SERVERS,
        "KAFKA_SECURITY_PROTOCOL": protocol,
        "KAFKA_SSL_CA_FILE": "/ca.pem",
        "KAFKA_SASL_USERNAME": user,
        "KAFKA_SASL_PASSWORD_FILE": str(file),
    }
    return KafkaConnection.of(load(KafkaSettings, {name: value for name, value in environ.items() if value}))


def test_each_protocol_gives_the_options_that_it_needs_and_no_more(tmp_path: Path) -> None:
    servers = {"bootstrap_servers": ["kafka-0:9092", "kafka-1:9092"]}
    login = {
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "cm-server",
        "sasl_plain_password": "secret",
    }
    authority = {"ssl_cafile": "/ca.pem"}
    wanted = {
        "PLAINTEXT": servers,
        "SSL": servers | authority | {"security_protocol": "SSL"},
        "SASL_PLAINTEXT": servers | login | {"security_protocol": "SASL_PLAINTEXT"},
        "SASL_SSL": servers | authority | login | {"security_protocol": "SASL_SSL"},
    }
    assert {name: connection(tmp_path, name).options() for name in wanted} == wanted


def test_both_clients_are_told_the_same(tmp_path: Path) -> None:
    way = connection(tmp_path, "SASL_SSL")
    native = way.native_options()
    assert native.pop("bootstrap.servers") == way.bootstrap_servers
    told = {NATIVE_NAMES[name]: value for name, value in way.options().items() if name != "bootstrap_servers"}
    assert native == told and len(native) == 5


def test_a_password_is_read_anew_for_each_client(tmp_path: Path) -> None:
    way = connection(tmp_path, "SASL_SSL")
    before = way.options()["sasl_plain_password"]
    (tmp_path / "password").write_text("another")
    assert (before, way.options()["sasl_plain_password"]) == ("secret", "another")


@pytest.mark.parametrize(
    ("password", "user", "said"),
    [
        ("secret", "", "set both KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE"),
        (None, "cm-server", "KAFKA_SASL_PASSWORD_FILE can't be read"),
        (" \n", "cm-server", "KAFKA_SASL_PASSWORD_FILE is empty"),
    ],
)
def test_a_login_that_is_not_whole_says_what_to_set(tmp_path: Path, password: str | None, user: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        connection(tmp_path, "SASL_PLAINTEXT", password, user).options()


def test_an_outage_names_the_servers_and_who_may_have_been_refused(tmp_path: Path) -> None:
    plain = KafkaConnection("kafka:9092").unavailable("NoBrokersAvailable")
    assert str(plain) == "Kafka at kafka:9092 does not answer (NoBrokersAvailable)"
    login = connection(tmp_path, "SASL_SSL").unavailable("Timeout", "does not tell its offsets")
    assert str(login) == (
        f"Kafka at {SERVERS} does not tell its offsets (Timeout), or refuses the user cm-server: look at its password"
        " and the broker's log"
    )


def test_no_password_is_in_its_text(tmp_path: Path) -> None:
    way = connection(tmp_path, "SASL_SSL")
    assert str(way) == SERVERS and "secret" not in repr(way)
