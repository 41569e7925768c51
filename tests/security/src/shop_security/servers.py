"""The two servers themselves: a Kafka broker with SASL_SSL and ACLs, and the embedded database with TLS and logins."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pymongo import MongoClient

from shop_security.authority import Authority
from shop_security.secured import ACLS, BIN, ROOT, USERS, Secured
from shopctl.kafka_install import KafkaHome
from shopctl.layout import HOST, Layout, Ports
from shopctl.supervisor import spawn

PARTITIONS = 4
# On top of kafka/server.properties: the last word on a key holds.
BROKER = """
listeners=SASL_SSL://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller$plain
advertised.listeners=SASL_SSL://127.0.0.1:$port$plain
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SASL_SSL,PLAINTEXT:PLAINTEXT
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
super.users=User:admin$anybody
ssl.keystore.type=PEM
ssl.keystore.location=$keys
ssl.truststore.type=PEM
ssl.truststore.location=$authorities
"""


@dataclass
class Server:
    """A process that listens on `port`; nobody needs its data after the session."""

    command: Sequence[str]
    port: int
    log: Path

    def start(self) -> Self:
        self.process = spawn(self.command, os.environ, self.log)
        return self

    def ready(self) -> None:
        deadline = time.monotonic() + 90
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-3000:]
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            time.sleep(0.05)

    def stop(self, how: int = signal.SIGKILL) -> None:
        self.process.send_signal(how)
        self.process.wait(60)


def kafka(secured: Secured, controller: int) -> Server:
    """The broker, its storage formatted with its first user. Where `secured` names a plain port, everybody may do
    everything there, so that a bench can tell what asking costs."""
    home = KafkaHome(ROOT, Layout(secured.folder), Ports(kafka=secured.port, controller=controller))
    home.write_config()
    text = BROKER
    plain = f",PLAINTEXT://{HOST}:{secured.plain_port}" if secured.plain_port else ""
    for name, value in {
        "port": secured.port, "controller": controller, "password": secured.admin,
        "keys": secured.broker_keys, "authorities": secured.ca, "plain": plain,
        "anybody": ";User:ANONYMOUS" if plain else "",
    }.items():  # fmt: skip
        text = text.replace(f"${name}", str(value))
    command = home.run_command()
    with Path(command[-1]).open("a") as config:
        config.write(text)
    first = f"SCRAM-SHA-512=[name=admin,password={secured.admin}]"
    subprocess.run([*home.format_command(), "--add-scram", first], check=True, capture_output=True)
    return Server(command, secured.port, secured.folder / "kafka.log")


def furnish(secured: Secured) -> None:
    """Take users, ACLs and topics to the broker, each by the user whose work that is in a cluster."""
    secured.command("shopctl", "kafka", "acls", "--file", ACLS, "--passwords", secured.kafka, "--wait", "60")
    secured.command("shopctl", "kafka", "topics", f"--partitions={PARTITIONS}", principal="operator")


class Database:
    """The embedded database with logins and TLS; its first user is made before it asks for one."""

    def __init__(self, secured: Secured) -> None:
        port = secured.database_port
        storage = ("--host", HOST, "--port", str(port), "--storage-path", str(secured.folder / "database"))
        self._command = (str(BIN / "secantusd-py"), *storage, "--sync-on-commit")
        self._server = Server(self._command, port, secured.folder / "database.log").start()
        self._server.ready()
        client: MongoClient[dict[str, Any]]
        with MongoClient(HOST, port) as client:
            root = [{"role": "root", "db": "admin"}]
            client["admin"].command("createUser", "admin", pwd=secured.admin, roles=root)
        self.show(secured.authority)

    def show(self, authority: Authority) -> None:
        """Start again, with this authority's certificate: it takes another one in no other way."""
        self._server.stop(signal.SIGTERM)
        tls = ("--auth", "--tls-cert-file", str(authority.server), "--tls-key-file", str(authority.key))
        self._server = Server((*self._command, *tls), self._server.port, self._server.log).start()
        self._server.ready()

    def stop(self) -> None:
        self._server.stop()


@contextmanager
def serving(secured: Secured, controller: int) -> Iterator[Database]:
    """Both servers with their users, rights, topics and indexes."""
    with ExitStack() as stack:
        broker = kafka(secured, controller).start()
        stack.callback(broker.stop)
        database = Database(secured)
        stack.callback(database.stop)
        # The broker starts meanwhile.
        users = ("--file", USERS, "--passwords", secured.mongodb)
        secured.command("shopctl", "mongodb", "users", *users, user="admin")
        secured.command("python", "-m", "cm_api.indexes", user="shop-migrator")
        broker.ready()
        furnish(secured)
        yield database
        if "brokers" in vars(secured):
            secured.brokers.close()
