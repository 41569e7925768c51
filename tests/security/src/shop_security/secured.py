"""A broker and a database that ask everybody who they are, by TLS only: where they are, and who has which password.

Users, roles and ACLs are those of `kafka/acls.json` and `mongodb/users.json`, taken there by the commands that a
cluster uses. Certificates and passwords are made here, and gone with the folder. For tests and for the bench.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient
from pymongo import MongoClient

from shop_core.admin import acl_table, mongo_users
from shop_core.config.settings import KafkaSettings, load
from shop_core.kafka.connection import KafkaConnection
from shop_security.authority import Authority
from shop_security.surroundings import clean_environment
from shopctl.layout import HOST

ROOT = Path(__file__).parents[4]
BIN = Path(sys.executable).parent
ACLS, USERS = ROOT / "kafka" / "acls.json", ROOT / "mongodb" / "users.json"
DATABASE = "shop"


@dataclass
class Secured:
    """Both servers: where they are, who has which password, and short ways to be one of the users."""

    folder: Path
    port: int
    database_port: int
    authority: Authority
    plain_port: int = 0
    admin: str = field(default_factory=lambda: secrets.token_hex(12))

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.bootstrap = f"{HOST}:{self.port}"
        self.ca = self.folder / "ca.pem"
        self.database_ca = self.folder / "database-ca.pem"
        self.broker_keys = self.folder / "broker.pem"
        for folder, users in (
            (self.kafka, acl_table.read(ACLS).principals),
            (self.mongodb, mongo_users.read(USERS).users),
        ):
            folder.mkdir()
            for user in users:
                (folder / user).write_text(secrets.token_hex(12) + "\n")
        (self.folder / "admin").write_text(self.admin)
        for authorities in (self.ca, self.database_ca):
            replace(authorities, self.authority.certificate.read_text())
        replace(self.broker_keys, self.authority.both.read_text())

    @property
    def kafka(self) -> Path:
        """The folder of the principals' passwords, as a Secret is mounted."""
        return self.folder / "kafka-passwords"

    @property
    def mongodb(self) -> Path:
        return self.folder / "mongodb-passwords"

    def passwords(self) -> set[str]:
        """Every password as it is now."""
        files = [*self.kafka.iterdir(), *self.mongodb.iterdir()]
        return {self.admin, *(file.read_text().strip() for file in files)}

    def environ(self, principal: str, user: str | None = None, **more: str) -> dict[str, str]:
        """The environment of a process that is `principal` to the broker and `user` to the database."""
        own = clean_environment()
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
                "MONGODB_TLS_CA_FILE": str(self.database_ca),
                "MONGODB_DATABASE": DATABASE,
            }
        return own | more

    def uri(self, user: str) -> str:
        secret, source = ((self.mongodb / user), DATABASE) if user != "admin" else (self.folder / "admin", "admin")
        login = f"{user}:{secret.read_text().strip()}"
        return f"mongodb://{login}@{HOST}:{self.database_port}/?authSource={source}&authMechanism=SCRAM-SHA-256"

    def connection(self, principal: str) -> KafkaConnection:
        """How a client of `principal` gets to the broker."""
        return KafkaConnection.of(load(KafkaSettings, self.environ(principal)))

    def options(self, principal: str) -> dict[str, Any]:
        """The options by which a Kafka client of a test is `principal`."""
        return self.connection(principal).options() | {"bootstrap_timeout_ms": 20_000}

    @contextmanager
    def database(self, user: str = "admin") -> Iterator[Any]:
        client: MongoClient[dict[str, Any]]
        with MongoClient(self.uri(user), tls=True, tlsCAFile=str(self.database_ca), tz_aware=True) as client:
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
