"""The plan of processes: what would be started where, with which environment, and stopped in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from shopctl.layout import Layout, Ports
from shopctl.options import Options
from shopctl.processes import Plan, plan_of

KAFKA_COMMAND = ("java", "kafka.Kafka")


def plan(tmp_path: Path, **changes: object) -> Plan:
    options = Options(layout=Layout(tmp_path), ports=Ports(), consumers={"purchases": 2})
    return plan_of(Options(**{**vars(options), **changes}), KAFKA_COMMAND, {"PATH": "/bin", "HTTP_PORT": "1"})


def test_two_servers_then_the_services(tmp_path: Path) -> None:
    names = [part.name for part in plan(tmp_path).parts]
    assert names == [
        "kafka", "database", "cm-api", "cm-ops", "purchases-consumer-1", "purchases-consumer-2", "cm-server",
    ]  # fmt: skip


def test_work_stops_coming_in_before_what_keeps_it_stops(tmp_path: Path) -> None:
    assert plan(tmp_path).stop_order == (
        ("cm-server",),
        ("purchases-consumer-1", "purchases-consumer-2"),
        ("cm-api", "cm-ops"),
        ("database", "cache"),
        ("kafka",),
    )


@pytest.mark.parametrize("cache", [True, False])
def test_everything_that_starts_is_stopped(tmp_path: Path, cache: bool) -> None:
    made = plan(tmp_path, cache=cache)
    stopped = [name for group in made.stop_order for name in group]
    assert sorted({*stopped} - ({"cache"} if not cache else set())) == sorted(part.name for part in made.parts)


def test_a_cache_is_started_and_named_to_every_service_only_where_it_is_asked_for(tmp_path: Path) -> None:
    made = plan(tmp_path, cache=True, ports=Ports.shifted(100))
    assert made.cache is not None and made.cache.command[0] == "valkey-server"
    assert made.cache.command[3:5] == ("--port", "6479")
    assert {part.environ["CACHE_URL"] for part in made.services} == {"redis://127.0.0.1:6479/0"}
    assert made.cache.environ["PATH"] == "/bin"
    without = plan(tmp_path)
    assert without.cache is None and not any("CACHE_URL" in part.environ for part in without.services)


def test_every_process_has_its_own_port_and_log(tmp_path: Path) -> None:
    parts = plan(tmp_path, cache=True).parts
    ports = [port for part in parts for port in (part.port, *part.also_ports)]
    assert len(set(ports)) == len(ports)
    assert len({part.log for part in parts}) == len(parts)
    assert all(part.log.is_relative_to(tmp_path) for part in parts)


def test_services_are_told_where_the_servers_are(tmp_path: Path) -> None:
    services = {part.name: part.environ for part in plan(tmp_path, ports=Ports.shifted(100)).services}
    for environ in services.values():
        assert environ["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:9192"
        assert environ["MONGODB_URI"] == "mongodb://127.0.0.1:27117"
        assert environ["CM_API_URL"] == "http://127.0.0.1:8181"
        assert environ["CM_OPS_URL"] == "http://127.0.0.1:8182"
        assert environ["PATH"] == "/bin"
    assert services["cm-server"]["HTTP_PORT"] == "8180"
    assert services["cm-api"]["HTTP_PORT"] == "8181"
    assert services["cm-ops"]["HTTP_PORT"] == "8182"
    assert [services[f"purchases-consumer-{n}"]["HEALTH_PORT"] for n in (1, 2)] == ["8190", "8191"]


def test_a_server_that_is_already_there_is_not_started(tmp_path: Path) -> None:
    given = plan(tmp_path, bootstrap="kafka:9092", mongodb_uri="mongodb://db")
    assert given.kafka is None
    assert given.database is None
    assert {part.environ["KAFKA_BOOTSTRAP_SERVERS"] for part in given.services} == {"kafka:9092"}
    assert {part.environ["MONGODB_URI"] for part in given.services} == {"mongodb://db"}
    assert "kafka" not in [part.name for part in given.parts]
