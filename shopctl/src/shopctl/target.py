"""Which platform a command acts on: one way to name it for all commands, and one line that says which it is."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shop_core.config.settings import KafkaSettings, MongoSettings, load
from shop_core.errors import ConfigError
from shop_core.kafka.connection import KafkaConnection
from shopctl.layout import layout_of, shown
from shopctl.processes import DATABASE
from shopctl.state import PlatformState, StateDirectory

_NAMED_BY = ("KAFKA_BOOTSTRAP_SERVERS", "MONGODB_URI", "MONGODB_URI_FILE")


@dataclass(frozen=True)
class Target:
    """The environment of a command that acts on one platform, and where its addresses are from."""

    environ: Mapping[str, str]
    named_by: str

    @property
    def kafka(self) -> KafkaConnection:
        return KafkaConnection.of(load(KafkaSettings, self.environ))

    @property
    def mongo(self) -> MongoSettings:
        return load(MongoSettings, self.environ)

    @property
    def database(self) -> str:
        """MongoDB's hosts and the database, without the login."""
        settings = self.mongo
        if settings.mongodb_uri_file:
            return f"{settings.mongodb_database} of MONGODB_URI_FILE"
        return f"{hosts_of(settings.mongodb_uri)}/{settings.mongodb_database}"

    def tell(self, *, database: bool = True) -> None:
        """Say on stderr what is acted on."""
        also = f" and MongoDB {self.database}" if database else ""
        print(f"shopctl: on Kafka {self.kafka}{also} ({self.named_by})", file=sys.stderr, flush=True)


def target_of(state_dir: Path | None, environ: Mapping[str, str] = os.environ) -> Target:
    """The platform in `state_dir`; without one that of the environment, else the one that runs in the clone."""
    if state_dir is None and any(environ.get(name) for name in _NAMED_BY):
        return Target(environ, "by the environment")
    try:
        directory = StateDirectory(layout_of(state_dir))
    except ConfigError:
        return Target(environ, "by default")  # installed without a clone
    state = directory.read() if directory.supervisor() is not None else None
    where = shown(directory.layout.state)
    if state is not None:
        return Target(_addresses(state, environ, where), f"by {where}")
    if state_dir is not None:
        raise ConfigError(f"No platform runs in {where}: name another --state-dir, or start it by `shopctl up`.")
    return Target(environ, "by default")


def hosts_of(uri: str) -> str:
    """The hosts of a MongoDB URI: neither its login nor its options belong on a screen."""
    return re.sub(r"^\w+(\+srv)?://(.*@)?|[/?].*$", "", uri)


def _addresses(state: PlatformState, environ: Mapping[str, str], where: str) -> dict[str, str]:
    """`environ` with the addresses of a platform that runs; an external database is known by the environment only."""
    found = {**environ, "KAFKA_BOOTSTRAP_SERVERS": state.bootstrap}
    database = next((process for process in state.processes if process.name == DATABASE), None)
    if database is not None and database.state != "external":
        found.pop("MONGODB_URI_FILE", None)
        found["MONGODB_URI"] = f"mongodb://{database.address}"
    elif database is not None and not environ.get("MONGODB_URI_FILE"):
        named = hosts_of(environ.get("MONGODB_URI", ""))
        if named != database.address:
            raise ConfigError(
                f"The platform in {where} uses MongoDB at {database.address}: set MONGODB_URI to it, with its login."
            )
    return found
