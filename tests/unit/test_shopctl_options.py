"""What `shopctl up` accepts, and that everything else is refused before anything starts."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from shop_core.errors import ConfigError
from shop_core.events import DOMAINS
from shopctl.arguments import build_parser
from shopctl.layout import Ports
from shopctl.main import main
from shopctl.options import consumers_of, options_from


def parse(*words: str) -> argparse.Namespace:
    return build_parser().parse_args(words)


def test_without_arguments_each_domain_has_one_consumer_and_the_known_ports(tmp_path: Path) -> None:
    options = options_from(parse("up", "--state-dir", str(tmp_path)), {})
    assert options.consumers == dict.fromkeys(DOMAINS, 1)
    assert options.ports == Ports()
    assert (options.ports.cm_server, options.ports.kafka, options.ports.database) == (8080, 9092, 27017)
    assert options.bootstrap is None
    assert options.mongodb_uri is None


def test_offset_shifts_every_port_but_one_that_is_given() -> None:
    options = options_from(parse("up", "--offset", "100", "--port", "8888"), {})
    assert options.ports == Ports(9192, 9193, 27117, 6479, 8888, 8181, 8182, 8190)


@pytest.mark.parametrize("name", ["CACHE_URL", "CACHE_URL_FILE"])
def test_a_cache_is_either_started_or_named(name: str) -> None:
    assert options_from(parse("up", "--cache"), {name: " "}).cache is True
    assert options_from(parse("up"), {name: "redis://cache:6379"}).cache is False
    with pytest.raises(ConfigError, match=f"--cache starts a cache, but {name} names one"):
        options_from(parse("up", "--cache"), {name: "redis://cache:6379"})


def test_servers_that_are_already_there_come_from_the_environment() -> None:
    environ = {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "MONGODB_URI": "mongodb://db/?replicaSet=a"}
    options = options_from(parse("up"), environ)
    assert (options.bootstrap, options.mongodb_uri) == ("kafka:9092", "mongodb://db/?replicaSet=a")
    assert options_from(parse("up"), {"KAFKA_BOOTSTRAP_SERVERS": " "}).bootstrap is None


def test_consumers_may_be_given_together_or_apart() -> None:
    assert consumers_of(["purchases=2"])["purchases"] == 2
    assert consumers_of(["purchases=2,purchases=0"])["purchases"] == 0
    assert consumers_of(["purchases=2", "purchases=3"])["purchases"] == 3


@pytest.mark.parametrize("word", ["purchases", "purchases=", "purchases=-1", "purchases=two", "purchases=1000"])
def test_a_count_that_is_none_is_refused_with_the_way_to_write_it(word: str) -> None:
    with pytest.raises(ConfigError, match=r"--consumers .*purchases=2"):
        consumers_of([word])


def test_an_unknown_domain_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no domain 'purchase'.*purchases"):
        consumers_of(["purchase=2"])


@pytest.mark.parametrize(
    "words", [("--port", "0"), ("--port", "70000"), ("--offset", "-1"), ("--offset", "60000"), ("--por", "1")]
)
def test_bad_numbers_and_shortened_names_are_usage_errors(words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse("up", *words)
    assert stop.value.code == 2


def test_an_expected_error_is_one_sentence_and_exit_code_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = main(["up", "--state-dir", str(tmp_path), "--consumers", "none=1"])
    assert code == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
