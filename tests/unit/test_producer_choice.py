"""Which producer client a service gets: by name, or the one that is there."""

from __future__ import annotations

import sys

import pytest

from cm_server.settings import ServerSettings
from shop_core.config.settings import load
from shop_core.errors import ConfigError
from shop_core.kafka.producers import CLIENTS, choose


def test_auto_is_the_default_and_the_native_client_where_it_is_installed() -> None:
    assert choose(load(ServerSettings, {}).kafka_client) == "native"


def test_without_confluent_kafka_auto_is_the_other_and_native_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    assert choose(load(ServerSettings, {}).kafka_client) == "python"
    with pytest.raises(ConfigError, match="confluent-kafka is not installed: install it or choose python"):
        load(ServerSettings, {"KAFKA_CLIENT": "native"})


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_can_be_chosen_by_name(name: str) -> None:
    assert choose(load(ServerSettings, {"KAFKA_CLIENT": name}).kafka_client) == name


def test_an_unknown_client_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"KAFKA_CLIENT.*auto, python, native"):
        load(ServerSettings, {"KAFKA_CLIENT": "java"})
