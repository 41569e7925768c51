"""The operator as a process with exactly the rights of operator/role.yaml, in a namespace that enforces `restricted`,
beside a Kafka of its own that both the pods and this machine reach. The consumers' pods only sleep: the tests say what
the group has consumed, so that they, and not a consumer's speed, decide on the lag."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from kafka import KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.structs import OffsetAndMetadata

from shop_cluster.client import Client

ROOT = Path(__file__).resolve().parents[3]
IMAGE = f"localhost/scalable-shop/kafka:{version('shopctl')}"
Manifest = dict[str, Any]
Until = Callable[..., None]

BROKER = """
set -e
cat > /tmp/server.properties <<END
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:9093
listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093
advertised.listeners=PLAINTEXT://ADDRESS
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=/tmp/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
auto.create.topics.enable=false
END
export CLASSPATH='/opt/kafka/libs/*'
java kafka.tools.StorageTool format --standalone -t MkU3OEVBNTcwNTJENDM2Qg -c /tmp/server.properties
exec java -Xmx300m kafka.Kafka /tmp/server.properties
"""


StageOn = Callable[[Client], "AbstractContextManager[Stage]"]


@dataclass
class Topics:
    """The test's own hand in Kafka: producing, and playing the consumer group."""

    bootstrap: str

    def __post_init__(self) -> None:
        self.admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=20_000)
        self._producer = KafkaProducer(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=20_000)

    def partitions(self, topic: str) -> int:
        return len(self.admin.describe_topics([topic])[0]["partitions"])

    def config(self, topic: str, name: str) -> str:
        """What was set for the topic; empty where nothing was."""
        [told] = self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]).values()
        return str(told[topic].get(name, {}).get("value", ""))

    def produce(self, topic: str, count: int, partitions: int | None = None) -> None:
        """`count` events, spread evenly over the topic's partitions or the first `partitions` of them."""
        places = partitions or self.partitions(topic)
        for number in range(count):
            self._producer.send(topic, b"event", partition=number % places)
        self._producer.flush(20)

    def consume(self, topic: str, group: str, upto: float = 1.0) -> None:
        """Commit for the group: all of the log, or a part of it."""
        places = [TopicPartition(topic, number) for number in range(self.partitions(topic))]
        ends = self.admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
        offsets = {place: OffsetAndMetadata(int(ends[place].offset * upto), "", -1) for place in places}
        self.admin.alter_group_offsets(group, offsets)

    def committed(self, topic: str, group: str) -> list[int]:
        places = [TopicPartition(topic, number) for number in range(self.partitions(topic))]
        found = self.admin.list_group_offsets({group: places})[group]
        return [found[place].offset if place in found else -1 for place in places]

    def close(self) -> None:
        self._producer.close(5)
        self.admin.close()


@dataclass
class Calendar:
    """cm-api in a warm-up, played by the test, which says when it is away; tests/e2e/test_domains.py has
    the real one."""

    campaigns: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    away: bool = False

    def __enter__(self) -> Calendar:
        calendar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"campaigns": calendar._listed(self.path), "next": None}).encode()
                self.send_response(503 if calendar.away else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _listed(self, path: str) -> list[Manifest]:
        now = datetime.now(UTC)
        live = path.startswith("/campaign-events/live")
        chosen = [each for each in self.campaigns if (each[1] <= now < each[2] if live else each[1] > now)]
        return [{"name": n, "startDate": a.isoformat(), "endDate": b.isoformat()} for n, a, b in chosen]


@dataclass
class Operator:
    """The operator as a process; several may run, of which one leads."""

    kubeconfig: Path
    namespace: str
    log: Path
    identity: str = "one"
    port: int = 0
    cm_api: str = "http://127.0.0.1:1"
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Operator:
        # A clean environment: settings of whoever runs the tests must not reach the operator.
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.kubeconfig.parent),
            "KUBECONFIG": str(self.kubeconfig),
            "OPERATOR_NAMESPACE": self.namespace,
            "OPERATOR_IDENTITY": self.identity,
            "OPERATOR_INTERVAL": "2",
            "OPERATOR_LEASE_SECONDS": "6",
            "OPERATOR_CAMPAIGNS_INTERVAL": "1",
            "OPERATOR_CM_API_URL": self.cm_api,
            "HEALTH_PORT": str(self.port),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "shop_operator"], env=variables, stderr=log)
        return self

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)

    def lines(self, event: str) -> list[Manifest]:
        """The log's lines of one event."""
        found = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]


@dataclass
class Stage:
    """One namespace with its Kafka and its operator, and short ways to ask and to tell them something."""

    k8s: Client
    namespace: str
    bootstrap: str
    topics: Topics
    directory: Path
    calendar: Calendar
    operators: list[Operator] = field(default_factory=list)

    def operator(self, identity: str, port: int = 0) -> Operator:
        log = self.directory / f"operator-{identity}.log"
        place = self.directory / "kubeconfig"
        made = Operator(place, self.namespace, log, identity, port or free_port(), self.calendar.url)
        self.operators.append(made)
        return made

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self.k8s.kubectl("-n", self.namespace, *words, stdin=stdin)

    def get(self, kind: str, name: str) -> Manifest | None:
        """The object, None where there is none."""
        found: Manifest | None = json.loads(
            self.kubectl("get", kind, name, "--ignore-not-found", "-o", "json") or "null"
        )
        return found

    def there(self, kind: str, name: str) -> Manifest:
        found = self.get(kind, name)
        assert found is not None, f"{kind} {name}"
        return found

    def replaced(self, kind: str, name: str, *words: str) -> Callable[[], bool]:
        """Delete what the operator makes again; whether there is another by now. `kubectl delete` itself may wait for
        ever for an end that it missed, because the next one has the same name."""
        uid = self.there(kind, name)["metadata"]["uid"]
        self.kubectl("delete", kind, name, "--wait=false", *words)
        return lambda: (self.get(kind, name) or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid

    def make(self, name: str, **spec: Any) -> str:
        """A ShopConsumer whose pods sleep, on a topic of its own; its name."""
        base = {
            "topic": f"{name}-topic",
            "group": f"{name}-group",
            "image": IMAGE,
            "command": ["sleep", "100000"],
            "kafka": {"bootstrapServers": self.bootstrap, "partitions": 6},
            "minReplicas": 0,
            "maxReplicas": 6,
            "lagThreshold": 10,
            "pollingInterval": 1,
            "cooldownPeriod": 5,
            "stopGraceSeconds": 1,
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        }
        wanted = {key: value for key, value in {**base, **spec}.items() if value is not None}
        head = {"name": name, "namespace": self.namespace}
        self.k8s.apply(
            {"apiVersion": "scalable-shop.dev/v1alpha1", "kind": "ShopConsumer", "metadata": head, "spec": wanted}
        )
        return name

    def status(self, name: str, kind: str = "shopconsumer") -> Manifest:
        found: Manifest = (self.get(kind, name) or {}).get("status", {})
        return found

    def condition(self, name: str, wanted: str, kind: str = "shopconsumer") -> Manifest:
        conditions = self.status(name, kind).get("conditions", [])
        found: Manifest = next((entry for entry in conditions if entry["type"] == wanted), {})
        return found

    def replicas(self, name: str) -> int:
        """Pods that the Deployment is asked for; -1 where there is none."""
        live = self.get("deployment", name)
        return live["spec"]["replicas"] if live else -1

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reason and message of each Event about a resource."""
        found = json.loads(
            self.kubectl("get", "events", "--field-selector", f"involvedObject.name={name}", "-o", "json")
        )
        items = sorted(found["items"], key=lambda entry: entry["metadata"]["creationTimestamp"])
        return [(entry["reason"], entry["message"]) for entry in items]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def install_crds(k8s: Client) -> None:
    """The definitions of this tree's CRDs."""
    k8s.define(*sorted((ROOT / "charts/shop-operator/crds").glob("*.yaml")))


@pytest.fixture(scope="module")
def stage(stage_on: StageOn, k8s: Client) -> Iterator[Stage]:
    """A namespace with Kafka and one running operator, for the tests of a module."""
    with stage_on(k8s) as stage:
        yield stage


@pytest.fixture(scope="session")
def stage_on(tmp_path_factory: pytest.TempPathFactory) -> StageOn:
    """Makes such a stage on any cluster."""
    return lambda k8s: staged(k8s, tmp_path_factory.mktemp("operator"))


@contextmanager
def staged(k8s: Client, directory: Path) -> Iterator[Stage]:
    install_crds(k8s)
    name = f"operator-{uuid.uuid4().hex[:6]}"
    k8s.kubectl("create", "namespace", name)
    k8s.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    bootstrap = _kafka(k8s, name)
    _rights(k8s, name, directory / "kubeconfig")
    with Calendar() as calendar:
        yield from _played(Stage(k8s, name, bootstrap, _topics(bootstrap), directory, calendar))


def _played(stage: Stage) -> Iterator[Stage]:
    stage.operator("one").start()
    try:
        yield stage
    finally:
        try:
            stage.kubectl("delete", "shop,shopconsumer", "--all", "--timeout=120s")
        finally:
            for operator in stage.operators:
                operator.end()
            stage.topics.close()
            stage.k8s.kubectl("delete", "namespace", stage.namespace, "--wait=false")


def _kafka(k8s: Client, namespace: str) -> str:
    """A broker behind a port of the node, which pods and this machine reach by one address."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kafka", "namespace": namespace},
        "spec": {"type": "NodePort", "selector": {"app": "kafka"}, "ports": [{"port": 9092}]},
    }
    k8s.apply(service)
    port = k8s.get("service", "kafka", "-n", namespace)["spec"]["ports"][0]["nodePort"]
    node = next(a for a in k8s.get("nodes")["items"][0]["status"]["addresses"] if a["type"] == "InternalIP")["address"]
    container = {
        "name": "kafka",
        "image": IMAGE,
        "command": ["sh", "-c", BROKER.replace("ADDRESS", f"{node}:{port}")],
        "readinessProbe": {"tcpSocket": {"port": 9092}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": security, "terminationGracePeriodSeconds": 1}
    head = {"name": "kafka", "namespace": namespace, "labels": {"app": "kafka"}}
    k8s.apply({"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec})
    k8s.kubectl("wait", "pod/kafka", "-n", namespace, "--for=condition=Ready", "--timeout=120s")
    return f"{node}:{port}"


def _topics(bootstrap: str) -> Topics:
    deadline = time.monotonic() + 60
    while True:
        try:
            return Topics(bootstrap)
        except Exception:
            if time.monotonic() > deadline:
                raise


def _rights(k8s: Client, namespace: str, kubeconfig: Path) -> None:
    """A ServiceAccount with the Role, and a kubeconfig that is nobody but it."""
    role = yaml.safe_load((ROOT / "operator/role.yaml").read_text())
    role["metadata"]["namespace"] = namespace
    k8s.apply(role)
    k8s.kubectl("create", "serviceaccount", "shop-operator", "-n", namespace)
    account = f"--serviceaccount={namespace}:shop-operator"
    k8s.kubectl("create", "rolebinding", "shop-operator", "-n", namespace, "--role=shop-operator", account)
    token = k8s.kubectl("create", "token", "shop-operator", "-n", namespace, "--duration=6h").strip()
    config = json.loads(k8s.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    config["users"][0]["user"] = {"token": token}
    kubeconfig.write_text(json.dumps(config))
