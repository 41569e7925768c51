"""How a server takes a changed certificate: the shell of Kafka's and MongoDB's pods, run with a server that only waits.

With a real Kafka under load: full/test_three_of_each.py."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shop_cluster.rendering import Manifest, render
from shop_cluster.waiting import wait_until

VALUES = ("--set", "mongodb.tls.enabled=true")
# Where the shell stands, what it becomes, and the node's place: two members are before the arbiter, three brokers
# before as many controllers.
SERVERS = {
    "member": ("StatefulSet", "shop-mongodb", "mongod", 1),
    "arbiter": ("StatefulSet", "shop-mongodb-arbiter", "mongod", 2),
    "broker": ("ConfigMap", "shop-kafka", "java", 1),
    "controller": ("ConfigMap", "shop-kafka", "java", 4),
}
SECONDS = 180
# A look each 5 s is a long time for a test; the clock is the test's, too.
FASTER = """
sleep() { command sleep 0.05; }
date() { cat "$CLOCK"; }
"""
# A server that ends in order, and what is asked whether a certificate fits.
SERVER = '#!/bin/sh\ncase "$*" in *StorageTool*) exit ;; *ConfigCommand*) exit $(cat "$FITS") ;; esac\nexec sleep 60\n'
ASKED = '#!/bin/sh\nexit $(cat "$FITS")\n'


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    return render(*VALUES)


@dataclass
class Pod:
    folder: Path
    place: int
    asks: bool
    process: subprocess.Popen[bytes] = field(init=False)

    def certificate(self, text: str) -> None:
        for name in ("tls.crt", "tls.key", "ca.crt"):
            (self.folder / "tls" / name).write_text(f"{text} {name}\n")

    def clock(self, seconds: int) -> None:
        """In whole at once, as it is read all the time."""
        (self.folder / "next").write_text(str(seconds))
        (self.folder / "next").rename(self.folder / "clock")

    def fits(self, answer: bool) -> None:
        (self.folder / "fits").write_text(str(int(not answer)))

    def said(self) -> str:
        return (self.folder / "log").read_text()

    def given(self) -> str:
        """The certificate that the server has, "" before it has one."""
        file = self.folder / "run" / "node.pem"
        return file.read_text() if file.exists() else ""


@pytest.fixture(params=[*SERVERS])
def pod(manifests: list[Manifest], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pod]:
    kind, name, server, place = SERVERS[request.param]
    [found] = [each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    for folder in ("tls", "run", "bin", "kafka"):
        (tmp_path / folder).mkdir()
    if kind == "ConfigMap":
        for file, text in found["data"].items():
            (tmp_path / "kafka" / file).write_text(here(text, tmp_path))
        script, words = found["data"]["start.sh"], [request.param, "0"]
    else:
        script, words = found["spec"]["template"]["spec"]["containers"][0]["command"][2], [server]
    for program, text in {server: SERVER, "mongosh": ASKED}.items():
        (tmp_path / "bin" / program).write_text(text)
        (tmp_path / "bin" / program).chmod(0o755)
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "admin").write_text("secret")
    made = Pod(tmp_path, place, request.param != "arbiter")
    made.certificate("old")
    made.clock(0)
    made.fits(True)
    environment = os.environ | {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "CLOCK": str(tmp_path / "clock"),
        "FITS": str(tmp_path / "fits"), "HOSTNAME": "shop-mongodb-1", "POD_NAME": "shop-kafka-broker-1",
        "SERVICE": "s", "KAFKA_LIBS": "libs", "JVM_OPTIONS": "", "HEAP": "1m", "CLUSTER_ID": "c",
    }  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        command = ["sh", "-c", FASTER + here(script, tmp_path), "sh", *words]
        made.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    yield made
    with suppress(ProcessLookupError):  # nothing of it is left
        os.killpg(made.process.pid, signal.SIGKILL)  # with what runs beside it
    made.process.wait()


def here(script: str, folder: Path) -> str:
    """With the pod's folders as folders of the test."""
    # Its own name begins with the first of them.
    places = {"/tmp/": "run", "/etc/kafka-users": "users", "/etc/kafka-tls": "tls", "/etc/kafka": "kafka"}  # nosec B108
    places |= {"/run/kafka": "run", "/run/mongodb": "run"}
    for there, name in places.items():
        script = script.replace(there, str(folder / name) + "/" * there.endswith("/"))
    return script.replace(" /tls/", f" {folder}/tls/")


def test_a_server_goes_on_while_its_certificate_is_the_same(pod: Pod) -> None:
    wait_until(pod.given, "it has its certificate", 20)
    pod.clock(pod.place * SECONDS)
    with pytest.raises(subprocess.TimeoutExpired):
        pod.process.wait(1)


def test_it_ends_in_its_own_turn(pod: Pod) -> None:
    wait_until(pod.given, "it has its certificate", 20)
    pod.certificate("new")
    for seconds in ((pod.place + 1) * SECONDS, pod.place * SECONDS + SECONDS // 3, (pod.place - 1) * SECONDS):
        pod.clock(seconds)
        with pytest.raises(subprocess.TimeoutExpired):
            pod.process.wait(0.5)
    pod.clock(pod.place * SECONDS)
    assert pod.process.wait(20) == -signal.SIGTERM
    assert "ending, to start with it" in pod.said()


def test_what_does_not_fit_changes_nothing_and_the_next_one_is_taken(pod: Pod) -> None:
    wait_until(pod.given, "it has its certificate", 20)
    pod.fits(False)
    pod.certificate("wrong")
    pod.clock(pod.place * SECONDS)
    if pod.asks:
        wait_until(lambda: "it does not fit" in pod.said(), "it says so", 20)
        assert pod.process.poll() is None
        pod.fits(True)
        pod.certificate("new")
    assert pod.process.wait(20) == -signal.SIGTERM
