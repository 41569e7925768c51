"""When a broker's pod is Ready: the chart's shell, with a Kafka that only waits and tools that say what a test says.

With real brokers under load: full/test_three_of_each.py."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from shop_cluster.rendering import Manifest, pods, render
from shop_cluster.waiting import wait_until

# Of the node with id 1, as kafka-topics.sh tells it, with tabs between.
OUT = "Topic: a|Partition: 0|Leader: 0|Replicas: 0,1,2|Isr: 0,2|Elr: |LastKnownElr: "
IN_STEP = {
    "nothing is missing, or there is no topic yet": "",
    "another broker is away": "Topic: a|Partition: 0|Leader: 1|Replicas: 1,2,0|Isr: 1,0|Elr: |LastKnownElr: ",
    "of nodes whose ids are like its own": "Topic: a|Partition: 1|Leader: 10|Replicas: 10,11,21|Isr: 10|Elr: ",
    "nobody leads": "Topic: a|Partition: 0|Leader: none|Replicas: 0,1|Isr: 0|Elr: |LastKnownElr: ",
    "it is to have a copy, and another is away": "Topic: a|Partition: 0|Leader: 0|Replicas: 0,2,1|Isr: 0"
    "|Adding Replicas: 1|Removing Replicas: 0|Elr: |LastKnownElr: ",
}
BEHIND = {
    "it is the second": OUT,
    "it is the first": "Topic: a|Partition: 0|Leader: 2|Replicas: 1,2|Isr: 2|Elr: 1|LastKnownElr: ",
    "it is the last": "Topic: a|Partition: 0|Leader: 0|Replicas: 0,2,1|Isr: 0,2|Elr: N/A|LastKnownElr: N/A",
    "those with ids like its own are there": "Topic: a|Partition: 0|Leader: 11|Replicas: 11,1,21|Isr: 11,21|Elr: ",
    "it is none of those being moved": "Topic: a|Partition: 0|Leader: 0|Replicas: 0,1,2,3|Isr: 0,3"
    "|Adding Replicas: 3|Removing Replicas: 2|Elr: ",
    "one of several": f"Topic: b|Partition: 0|Leader: 0|Replicas: 0,1,2|Isr: 0,1|Elr: \n\t{OUT}",
}
# Looks each moment instead of each some seconds.
FASTER = "sleep() { command sleep 0.05; }\n"
JAVA = """#!/bin/sh
case "$*" in
  *StorageTool*) exit ;;
  *TopicCommand*) echo "$*" >>"$TEST/asked"; cat "$TEST/topics"; exit "$(cat "$TEST/code")" ;;
esac
exec sleep 60
"""
# sl, local address, remote address, state: what the kernel tells of a socket that listens on the brokers' own port.
LISTENS = "   0: 00000000000000000000000000000000:2386 00000000000000000000000000000000:0000 0A 00000000:00000000\n"


@dataclass
class Broker:
    """One pod's folders and process, with node 1 of three."""

    folder: Path
    files: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        for name in ("tls", "run", "bin", "kafka", "net"):
            (self.folder / name).mkdir()
        for name, text in self.files.items():
            (self.folder / "kafka" / name).write_text(self.here(text))
        for name in ("tls.crt", "tls.key", "ca.crt"):
            (self.folder / "tls" / name).write_text("a\n")
        (self.folder / "bin" / "java").write_text(JAVA)
        (self.folder / "bin" / "java").chmod(0o755)
        self.says("")

    def here(self, text: str) -> str:
        """With the pod's folders as folders of the test."""
        # The test's own folder begins with the first of them.
        places = {"/tmp/": "run/", "/etc/kafka-tls": "tls", "/etc/kafka": "kafka", "/run/kafka": "run"}  # nosec B108
        for there, name in (places | {"/proc/net": "net"}).items():
            text = text.replace(there, str(self.folder / name) + "/" * there.endswith("/"))
        return text

    def says(self, lines: str, code: int = 0) -> None:
        """What the tools answer from now on; in whole at once, as they are asked all the time."""
        for name, text in {"code": str(code), "topics": f"\t{lines}\n".replace("|", "\t") if lines else ""}.items():
            (self.folder / "next").write_text(text)
            (self.folder / "next").rename(self.folder / name)

    def environment(self) -> dict[str, str]:
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        words = {"PATH": path, "TEST": str(self.folder), "POD_NAME": "shop-kafka-broker-1", "SERVICE": "b.shop.svc"}
        return os.environ | words | {"KAFKA_LIBS": "libs", "JVM_OPTIONS": "", "HEAP": "1m", "CLUSTER_ID": "c"}

    def run(self, script: str) -> str:
        """What functions of copies.sh print."""
        command = f"set -eu\nid=1\n. {self.folder}/kafka/copies.sh\n{script}"
        return subprocess.check_output(["sh", "-c", command], env=self.environment(), text=True)

    def start(self) -> None:
        with (self.folder / "log").open("wb") as log:
            command = ["sh", "-c", FASTER + self.here(self.files["start.sh"]), "sh", "broker", "0"]
            self.process = subprocess.Popen(
                command, env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )

    def ready(self) -> bool:
        return (self.folder / "run" / "in-step").exists()

    @property
    def asked(self) -> int:
        file = self.folder / "asked"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def asks_again(self) -> None:
        """Waits until it was asked, and what was heard counts."""
        mark = self.asked
        wait_until(lambda: self.asked > mark + 1, "it asks again", 20)

    @property
    def said(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    return render()


def files_of(manifests: list[Manifest]) -> dict[str, str]:
    """What a node reads and runs."""
    found = {(each["kind"], each["metadata"]["name"]): each for each in manifests}
    files: dict[str, str] = found["ConfigMap", "shop-kafka"]["data"]
    return files


@pytest.fixture
def broker(manifests: list[Manifest], tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path, files_of(manifests))
    made.prepare()
    yield made
    if made.process is not None:
        with suppress(ProcessLookupError):  # nothing of it is left
            os.killpg(made.process.pid, signal.SIGKILL)  # with what runs beside it
        made.process.wait()


@pytest.mark.parametrize("line", IN_STEP.values(), ids=IN_STEP)
def test_a_broker_is_in_step_where(broker: Broker, line: str) -> None:
    broker.says(line)
    assert broker.run("behind") == ""


@pytest.mark.parametrize("line", BEHIND.values(), ids=BEHIND)
def test_a_broker_is_behind_where(broker: Broker, line: str) -> None:
    broker.says(line)
    assert len(broker.run("behind").splitlines()) == 1


def test_it_asks_itself_as_the_node_that_it_is(broker: Broker) -> None:
    broker.run("behind")
    words = (broker.folder / "asked").read_text()
    assert "--bootstrap-server shop-kafka-broker-1.b.shop.svc:9094 " in words
    login = Path(words.split("--command-config ")[1].split()[0]).read_text()
    assert f"ssl.keystore.location={broker.folder}/run/node.pem" in login and "security.protocol=SSL\n" in login


def test_a_broker_without_another_asks_nobody(broker: Broker) -> None:
    (broker.folder / "kafka" / "nodes").write_text("brokers=1 controllers=1\n")
    broker.says(OUT)
    assert broker.run("behind") == "" and not broker.asked


def test_it_is_ready_once_it_listens_and_has_caught_up(broker: Broker) -> None:
    (broker.folder / "run" / "in-step").touch()  # of an earlier start
    broker.says(OUT)
    broker.start()
    wait_until(lambda: not broker.ready(), "it begins unready", 20)
    assert not broker.asked
    (broker.folder / "net" / "tcp6").write_text(LISTENS)
    broker.asks_again()
    assert not broker.ready() and "Partitions whose ISR lacks this broker: 1, such as\tTopic: a" in broker.said
    broker.says("")
    wait_until(broker.ready, "it is ready", 20)


def test_it_stays_as_it_is_while_nobody_answers_and_unready_once_it_falls_behind(broker: Broker) -> None:
    broker.says("Error while executing topic command : away", 1)
    (broker.folder / "net" / "tcp6").write_text(LISTENS)
    broker.start()
    broker.asks_again()
    assert not broker.ready()
    assert "Which copies are in step is not known: \tError while executing topic command : away" in broker.said
    broker.says("")
    wait_until(broker.ready, "it is ready", 20)
    broker.says(OUT, 1)
    broker.asks_again()
    assert broker.ready()
    broker.says(OUT)
    wait_until(lambda: not broker.ready(), "it fell behind", 20)


def test_only_readiness_asks_and_only_brokers(manifests: list[Manifest]) -> None:
    found = {name: spec["containers"][0] for name, spec in pods(manifests).items()}
    broker, controller = (found[f"StatefulSet/shop-kafka-{role}"] for role in ("broker", "controller"))
    assert broker["readinessProbe"]["exec"]["command"][-1] == "test -e /tmp/in-step"  # nosec B108
    assert all("tcpSocket" in broker[f"{kind}Probe"] for kind in ("startup", "liveness"))
    assert "tcpSocket" in controller["readinessProbe"]


def test_without_security_it_asks_where_clients_do() -> None:
    made = render("--set", "kafka.security.enabled=false,kafka.brokers.inSyncCheckSeconds=42")
    text = files_of(made)["copies.sh"]
    assert "$SERVICE:9092" in text and ":2384 " in text and "SSL" not in text and "sleep 42\n" in text
