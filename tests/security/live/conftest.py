"""A broker and a database that ask everybody who they are, by TLS only, and a shop on them; one a session.

Users, roles and ACLs are those of `kafka/acls.json` and `mongodb/users.json`, taken there by the commands that a
cluster uses. Certificates and passwords are made here, and gone with the session.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kafka.admin import KafkaAdminClient
from pymongo import MongoClient

from shop_core import mongo_access
from shop_core.kafka import acls
from shopctl.kafka_home import KafkaHome
from shopctl.layout import HOST, PREFIX, Layout, Ports
from shopctl.supervisor import spawn

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
ACLS, USERS = ROOT / "kafka" / "acls.json", ROOT / "mongodb" / "users.json"
DATABASE = "shop"
PARTITIONS = 4
FOREIGN = ("KAFKA_", "MONGODB_", "CM_API_", "HTTP_", "HEALTH_", "LOG_", "CONSUMER_", "CACHE_", "AUTH_", "LIMITS")
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
# On top of kafka/server.properties: the last word on a key holds.
BROKER = """
listeners=SASL_SSL://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=SASL_SSL://127.0.0.1:$port
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SASL_SSL
security.inter.broker.protocol=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username="admin" password="$password" user_admin="$password";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="admin" password="$password";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin
ssl.keystore.type=PEM
ssl.keystore.location=$keys
ssl.truststore.type=PEM
ssl.truststore.location=$authorities
"""


@dataclass(frozen=True)
class Authority:
    """One certificate authority, and the certificate that it gave the servers of this machine."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        names = self.folder / "names"
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        ca = ("-keyout", self.folder / "ca.key", "-out", self.certificate, "-subj", f"/CN=shop-test-{self.folder.name}")
        openssl("req", "-x509", *KEY, *ca)
        request = self.folder / "server.csr"
        openssl("req", "-new", *KEY[:-2], "-keyout", self.key, "-out", request, "-subj", "/CN=localhost")
        signer = ("-CA", self.certificate, "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", "2")
        openssl("x509", "-req", "-in", request, *signer, "-extfile", names, "-out", self.server)
        self.both.write_text(self.key.read_text() + self.server.read_text())

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"

    @property
    def server(self) -> Path:
        return self.folder / "server.crt"

    @property
    def both(self) -> Path:
        """Key and certificate in one file, as a broker takes them."""
        return self.folder / "server.pem"


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@dataclass
class Secured:
    """Both servers: where they are, who has which password, and short ways to be one of the users."""

    folder: Path
    port: int
    database_port: int
    authority: Authority
    admin: str = field(default_factory=lambda: secrets.token_hex(12))

    def __post_init__(self) -> None:
        self.bootstrap = f"{HOST}:{self.port}"
        self.ca = self.folder / "ca.pem"
        self.broker_keys = self.folder / "broker.pem"
        for folder, users in ((self.kafka, acls.read(ACLS).principals), (self.mongodb, mongo_access.read(USERS).users)):
            folder.mkdir()
            for user in users:
                (folder / user).write_text(secrets.token_hex(12) + "\n")
        (self.folder / "admin").write_text(self.admin)
        replace(self.ca, self.authority.certificate.read_text())
        replace(self.broker_keys, self.authority.both.read_text())

    @property
    def kafka(self) -> Path:
        """The folder of the principals' passwords, as a Secret is mounted."""
        return self.folder / "kafka-passwords"

    @property
    def mongodb(self) -> Path:
        return self.folder / "mongodb-passwords"

    def environ(self, principal: str, user: str | None = None, **more: str) -> dict[str, str]:
        """The environment of a process that is `principal` to the broker and `user` to the database."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        password = self.folder / "admin" if principal == "admin" else self.kafka / principal
        own |= {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SSL_CA_FILE": str(self.ca),
            "KAFKA_SASL_USERNAME": principal,
            "KAFKA_SASL_PASSWORD_FILE": str(password),
        }
        if user is not None:
            uri = self.folder / f"{user}.uri"
            if not uri.exists():
                replace(uri, self.uri(user))
            own |= {
                "MONGODB_URI_FILE": str(uri),
                "MONGODB_TLS_CA_FILE": str(self.authority.certificate),
                "MONGODB_DATABASE": DATABASE,
            }
        return own | more

    def uri(self, user: str) -> str:
        secret, source = ((self.mongodb / user), DATABASE) if user != "admin" else (self.folder / "admin", "admin")
        login = f"{user}:{secret.read_text().strip()}"
        return f"mongodb://{login}@{HOST}:{self.database_port}/?authSource={source}&authMechanism=SCRAM-SHA-256"

    def options(self, principal: str) -> dict[str, Any]:
        """The options by which a Kafka client of a test is `principal`."""
        environ = self.environ(principal)
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_SSL",
            "ssl_cafile": str(self.ca),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": principal,
            "sasl_plain_password": Path(environ["KAFKA_SASL_PASSWORD_FILE"]).read_text().strip(),
            "bootstrap_timeout_ms": 20_000,
        }

    @contextmanager
    def database(self, user: str = "admin") -> Iterator[Any]:
        with MongoClient(self.uri(user), tls=True, tlsCAFile=str(self.authority.certificate), tz_aware=True) as client:
            yield client[DATABASE]

    @cached_property
    def brokers(self) -> KafkaAdminClient:
        """The brokers' super user."""
        return KafkaAdminClient(**self.options("admin"))

    def command(self, *words: str | Path, principal: str = "admin", user: str | None = None) -> str:
        """Run a program of the environment to its end; its output."""
        line = [str(word) for word in words]
        line = [str(BIN / line[0]), *line[1:]]
        ended = subprocess.run(line, capture_output=True, text=True, env=self.environ(principal, user), check=False)
        assert ended.returncode == 0, ended
        return ended.stdout

    def refused(self, principal: str, **changes: str) -> str:
        """What a program says that the broker doesn't let in."""
        line = [str(BIN / "shopctl"), "kafka", "acls", "--file", str(ACLS), "--dry-run"]
        environ = self.environ(principal, **changes)
        ended = subprocess.run(line, capture_output=True, text=True, env=environ, check=False)
        assert ended.returncode == 1, ended
        return ended.stderr


def replace(path: Path, text: str) -> None:
    """As a mounted Secret changes: whole, at one moment."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)


@contextmanager
def server(command: Sequence[str], port: int, log: Path, *, end: int = signal.SIGKILL) -> Iterator[Any]:
    """A process that listens on `port` once `ready` was called; nobody needs its data after the session."""
    process = spawn(command, os.environ, log)

    def ready() -> None:
        deadline = time.monotonic() + 90
        while True:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    return
            time.sleep(0.05)

    try:
        yield ready
    finally:
        process.send_signal(end)
        process.wait(60)


def start_kafka(secured: Secured, controller: int) -> tuple[str, ...]:
    """Format the broker's storage with its first user; the command that runs it."""
    home = KafkaHome(ROOT, Layout(secured.folder), Ports(kafka=secured.port, controller=controller))
    home.write_config()
    text = BROKER
    for name, value in {
        "port": secured.port, "controller": controller, "password": secured.admin,
        "keys": secured.broker_keys, "authorities": secured.ca,
    }.items():  # fmt: skip
        text = text.replace(f"${name}", str(value))
    command = home.run_command()
    with Path(command[-1]).open("a") as config:
        config.write(text)
    first = f"SCRAM-SHA-512=[name=admin,password={secured.admin}]"
    subprocess.run([*home.format_command(), "--add-scram", first], check=True, capture_output=True)
    return command


@contextmanager
def database(secured: Secured) -> Iterator[None]:
    """The embedded database with logins and TLS; its first user is made before it asks for one."""
    port = secured.database_port
    storage = ("--host", HOST, "--port", str(port), "--storage-path", str(secured.folder / "database"))
    command = (str(BIN / "secantusd-py"), *storage)
    log = secured.folder / "database.log"
    with server(command, port, log, end=signal.SIGTERM) as ready:
        ready()
        with MongoClient(HOST, port) as client:
            root = [{"role": "root", "db": "admin"}]
            client["admin"].command("createUser", "admin", pwd=secured.admin, roles=root)
    tls = ("--tls-cert-file", str(secured.authority.server), "--tls-key-file", str(secured.authority.key))
    with server((*command, "--sync-on-commit", "--auth", *tls), port, log) as ready:
        ready()
        yield


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, any_port: Callable[[], int]) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    found = Secured(folder, any_port(), any_port(), Authority(folder / "authority"))
    with ExitStack() as stack:
        broker = start_kafka(found, any_port())
        ready = stack.enter_context(server(broker, found.port, folder / "kafka.log"))
        stack.enter_context(database(found))
        users = ("--file", USERS, "--passwords", found.mongodb)
        # By the users whose work this is in a cluster; the broker starts meanwhile.
        found.command("shopctl", "mongodb", "users", *users, user="admin")
        found.command("python", "-m", "cm_api.indexes", user="shop-migrator")
        ready()
        found.command("shopctl", "kafka", "acls", "--file", ACLS, "--passwords", found.kafka, "--wait", "60")
        found.command("python", "-m", "shopctl.topics", found.bootstrap, str(PARTITIONS), "1", principal="operator")
        yield found
        if "brokers" in vars(found):
            found.brokers.close()


@dataclass
class Shop:
    """cm-server, cm-api and two consumers on the secured servers, each as its own user."""

    secured: Secured
    url: str
    processes: dict[str, subprocess.Popen[bytes]]
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=16, timeout=30))

    def request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        return self.http.request(method, self.url + path, retries=False, **options)

    def holders(self) -> dict[str, list[str]]:
        """Who has clients of their own: each service's workers by pid, each consumer by how often it began."""
        found = {}
        for name, process in self.processes.items():
            begun = [str(number) for number in range(self.log_of(name).count('"partitions_sought"'))]
            workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            found[name] = begun if name.endswith("-consumer") else workers
        return found

    def log_of(self, name: str) -> str:
        return (self.secured.folder / f"{name}.log").read_text()


@pytest.fixture(scope="session")
def shop(secured: Secured, any_port: Callable[[], int]) -> Iterator[Shop]:
    ports = {name: any_port() for name in ("cm-server", "cm-api", "purchases-consumer", "catalog-consumer")}
    with ExitStack() as stack:
        running: list[subprocess.Popen[bytes]] = []
        for name, port in ports.items():
            command, environ = [str(BIN / name)], {"HTTP_PORT": str(port), "HTTP_HOST": HOST}
            user = {"cm-server": None, "cm-api": "shop-reader"}.get(name, "shop-writer")
            if name.endswith("-consumer"):
                command = [str(BIN / "cm-api-consumer"), "--domain", name.removesuffix("-consumer")]
                environ = {"HEALTH_PORT": str(port)}
            if name == "cm-server":
                environ |= {"CM_API_URL": f"http://{HOST}:{ports['cm-api']}", "HTTP_WORKERS": "2"}
            log = secured.folder / f"{name}.log"
            process = spawn(command, secured.environ(name, user, **environ), log)
            stack.callback(process.wait, 60)
            running.append(process)
        stack.callback(lambda: [process.terminate() for process in running])
        found = Shop(secured, f"http://{HOST}:{ports['cm-server']}{PREFIX}", dict(zip(ports, running, strict=True)))
        stack.callback(found.http.clear)
        for name, port in ports.items():
            wait_ready(found, name, port)
        yield found


def wait_ready(shop: Shop, name: str, port: int) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            answer = shop.http.request("GET", f"http://{HOST}:{port}/readyz", retries=False, timeout=5)
            if answer.status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        assert time.monotonic() < deadline, shop.log_of(name)[-3000:]
        time.sleep(0.1)


@pytest.fixture
def trusting(secured: Secured) -> ssl.SSLContext:
    """TLS that believes the servers' authority."""
    return ssl.create_default_context(cafile=str(secured.ca))


@pytest.fixture(scope="session")
def make_authority() -> Callable[[Path], Authority]:
    return Authority


@pytest.fixture(scope="session")
def replace_file() -> Callable[[Path, str], None]:
    return replace
