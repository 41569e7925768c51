"""compose.yaml as an engine reads it: the reference implementation takes it, and what it then says starts our services.

No engine is needed, and none is to be had where these tests run: containers themselves are not started.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from cm_api.settings import ConsumerSettings, QuerySettings
from cm_ops.settings import OpsSettings
from cm_server.settings import ServerSettings
from shop_cluster.binaries import COMPOSE, built
from shop_core.config.settings import KafkaSettings, MongoSettings, load
from shop_core.events import DOMAINS

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "compose.yaml"
PORT = re.compile(r"http://127\.0\.0\.1:(\d+)/readyz")
Service = dict[str, Any]
# What each reads of its environment, and the port at which it tells whether it is ready.
SETTINGS: dict[str, type[Any]] = {
    "cm-server": ServerSettings,
    "cm-api": QuerySettings,
    "cm-ops": OpsSettings,
    "topics": KafkaSettings,
    "indexes": MongoSettings,
}


def read(file: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [built(COMPOSE, "compose"), file]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | variables)


@pytest.fixture(scope="module")
def services() -> dict[str, Service]:
    """Each service by its name, with everything filled in."""
    done = read(FILE)
    assert done.returncode == 0, done.stderr
    found: dict[str, Service] = json.loads(done.stdout)["services"]
    return found


def settings_of(name: str) -> type[Any]:
    return ConsumerSettings if name.endswith("-consumer") else SETTINGS[name]


def variables_of(kind: type[Any]) -> set[str]:
    return {field.metadata["env"] for field in dataclasses.fields(kind)}


def ours(services: dict[str, Service]) -> dict[str, Service]:
    return {name: each for name, each in services.items() if "/cm-" in each["image"]}


def scripts_of(component: str) -> dict[str, str]:
    found: dict[str, str] = tomllib.loads((ROOT / component / "pyproject.toml").read_text())["project"]["scripts"]
    return found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("condition: service_healthy", "condition: service_is_well"), "depends_on"),
        (("kafka: {condition: service_healthy}", "kafka-0: {condition: service_healthy}"), "kafka-0"),
        (("cap_drop: [ALL]", "cap_dropped: [ALL]"), "cap_dropped"),
    ],
)
def test_the_reference_implementation_refuses_what_is_wrong(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    (tmp_path / "compose.yaml").write_text(FILE.read_text().replace(*change))
    done = read(tmp_path / "compose.yaml")
    assert done.returncode != 0 and said in done.stderr


def test_there_is_one_of_each_service_and_a_consumer_a_domain(services: dict[str, Service]) -> None:
    consumers = {name: each["command"] for name, each in services.items() if name.endswith("-consumer")}
    assert consumers == {f"{name}-consumer": ["cm-api-consumer", "--domain", name] for name in DOMAINS}
    assert set(services) - set(consumers) == {*SETTINGS, "kafka", "mongodb"}


def test_each_variable_is_a_setting_of_its_service_and_each_service_is_probed_where_it_listens(
    services: dict[str, Service],
) -> None:
    for name, service in ours(services).items():
        kind = settings_of(name)
        known = load(kind, service["environment"])
        once = name in ("topics", "indexes")
        allowed = variables_of(KafkaSettings) | variables_of(MongoSettings) if once else variables_of(kind)
        assert set(service["environment"]) <= allowed, name
        if once:
            continue
        listens = known.health_port if kind is ConsumerSettings else known.http_port
        probed = PORT.search(" ".join(service["healthcheck"]["test"]))
        assert probed is not None and int(probed[1]) == listens, name


def test_services_call_each_other_by_names_that_are_there(services: dict[str, Service]) -> None:
    named = re.compile(r"(?:^|//|,)([a-z-]+):(\d+)")
    for name, service in ours(services).items():
        for value in service["environment"].values():
            for host, port in named.findall(value):
                assert host in services, (name, value)
                known = {"kafka": "9092", "mongodb": "27017", "cm-api": "8081", "cm-ops": "8082"}
                assert port == known[host], (name, value)


def test_each_command_is_in_its_image(services: dict[str, Service]) -> None:
    for name, service in ours(services).items():
        component = "cm-server" if name == "cm-server" else "cm-api"
        assert service["image"].partition(":")[0].endswith(f"/{component}")
        first, *rest = service.get("command") or [component]
        if first == "python3":
            assert rest[0] == "-m" and find_spec(rest[1]) is not None, name
        else:
            assert first in scripts_of(component), name


def test_images_are_of_the_versions_that_the_charts_name(services: dict[str, Service]) -> None:
    charts = {path.parent.name: yaml.safe_load(path.read_text()) for path in ROOT.glob("charts/*/Chart.yaml")}
    wanted = {"kafka": charts["kafka"]["appVersion"], "mongodb": charts["mongodb"]["appVersion"]}
    for name, service in services.items():
        version = service["image"].rpartition(":")[2]
        assert version == str(wanted.get(name, charts["scalable-shop"]["appVersion"])), name


def test_only_the_entrance_is_let_out_and_to_this_machine_alone(services: dict[str, Service]) -> None:
    ports = {name: each["ports"] for name, each in services.items() if each.get("ports")}
    assert [(port["host_ip"], port["published"], port["target"]) for port in ports.pop("cm-server")] == [
        ("127.0.0.1", "8080", 8080)
    ]
    assert ports == {}
    for name, service in ours(services).items():
        hardened = (service["read_only"], service["cap_drop"], service["security_opt"])
        assert hardened == (True, ["ALL"], ["no-new-privileges:true"]), name


def test_another_port_and_other_images_are_two_variables() -> None:
    done = read(FILE, PORT="9080", IMAGES_REPO="registry.example/shop", VERSION="1.2.3")
    found = json.loads(done.stdout)["services"]["cm-server"]
    assert (found["ports"][0]["published"], found["image"]) == ("9080", "registry.example/shop/cm-server:1.2.3")


def test_consumers_start_after_topics_and_indexes_and_those_after_their_servers(services: dict[str, Service]) -> None:
    after = {name: set(each.get("depends_on", {})) for name, each in services.items()}
    for name in DOMAINS:
        assert after[f"{name}-consumer"] == {"topics", "indexes"}
    assert after["topics"] == {"kafka"} and after["indexes"] == {"mongodb"}
    assert after["cm-server"] == {"topics"}, "purchases do not wait for the database"
