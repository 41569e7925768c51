"""Settings of the operator, read once from the environment. It stands alone, so it has its own few lines for that."""

from __future__ import annotations

import dataclasses
import difflib
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any


class ConfigError(Exception):
    """The environment can't work; the message says what to change."""


def text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value.strip()


def level(value: str) -> str:
    if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return value.upper()


def address(value: str) -> str:
    """An http address with places for the Shop and its namespace, or without."""
    try:
        made = value.format(shop="shop", namespace="default")
    except (KeyError, ValueError, IndexError):
        raise ValueError("may have no places but {shop} and {namespace}") from None
    if not made.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value.rstrip("/")


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser for whole numbers from `low` to `high`."""

    def parse(value: str) -> int:
        if not value.strip().isdecimal() or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


def variable(name: str, default: Any, parse: Callable[[str], Any], unit: str, about: str) -> Any:
    """One setting: its variable's name, default, parser, unit ('' for none) and one line of explanation."""
    return dataclasses.field(default=default, metadata={"env": name, "parse": parse, "unit": unit, "about": about})


@dataclasses.dataclass(frozen=True)
class OperatorSettings:
    """What the operator is told from outside."""

    namespace: str = variable("OPERATOR_NAMESPACE", "default", text, "", "Namespace of the operator and its Lease")
    watched: str = variable(
        "OPERATOR_WATCH_NAMESPACES", "", str, "name,…", "Namespaces to watch; default: the operator's own"
    )
    identity: str = variable(
        "OPERATOR_IDENTITY", "", str, "", "Identity of this process in the Lease; default: the host name"
    )
    interval: int = variable(
        "OPERATOR_INTERVAL", 5, whole(1, 20), "seconds", "Time between two reconciliations of a resource"
    )
    campaigns_interval: int = variable(
        "OPERATOR_CAMPAIGNS_INTERVAL", 30, whole(1, 60), "seconds", "Time between two requests for the campaigns"
    )
    cm_api_url: str = variable(
        "OPERATOR_CM_API_URL",
        "http://{shop}-cm-api.{namespace}.svc:8081",
        address,
        "URL",
        "URL of a Shop's cm-api, for its campaigns and its readiness",
    )
    cm_server_url: str = variable(
        "OPERATOR_CM_SERVER_URL",
        "http://{shop}-cm-server.{namespace}.svc:8080",
        address,
        "URL",
        "URL of a Shop's cm-server, for its readiness",
    )
    lease: str = variable("OPERATOR_LEASE", "shop-operator", text, "", "Name of the Lease that the leader holds")
    lease_seconds: int = variable(
        "OPERATOR_LEASE_SECONDS",
        15,
        whole(3, 300),
        "seconds",
        "Lease duration: a standby takes over after so long without a renewal",
    )
    pod_ips: str = variable(
        "OPERATOR_POD_IPS", "", str, "address,…", "Its pod's addresses: what pods listen on by theirs"
    )
    health_host: str = variable(
        "HEALTH_HOST", "127.0.0.1", text, "address", "Address of health and metrics; * for every one"
    )
    health_port: int = variable("HEALTH_PORT", 8090, whole(1, 65535), "port", "Port of health and metrics")
    log_level: str = variable("LOG_LEVEL", "INFO", level, "", "Level of all loggers: DEBUG, INFO, WARNING, ERROR")

    @property
    def namespaces(self) -> tuple[str, ...]:
        names = tuple(part.strip() for part in self.watched.split(",") if part.strip())
        return names or (self.namespace,)

    @property
    def families(self) -> list[str]:
        """The families of addresses that pods of this cluster have."""
        found = {"IPv6" if ":" in address else "IPv4" for address in self.pod_ips.split(",") if address.strip()}
        return sorted(found) or ["IPv4"]

    @property
    def holder(self) -> str:
        return self.identity or socket.gethostname()


def load(environ: Mapping[str, str] = os.environ) -> OperatorSettings:
    """The settings; raises `ConfigError` naming the variable, or the one that a misspelt OPERATOR_… was meant to be."""
    fields = {field.metadata["env"]: field for field in dataclasses.fields(OperatorSettings)}
    values: dict[str, Any] = {}
    for name, value in environ.items():
        if name not in fields:
            if name.startswith("OPERATOR_") and (close := difflib.get_close_matches(name, fields, n=1, cutoff=0.85)):
                raise ConfigError(f"{name} is not a known setting: rename it to {close[0]} or remove it.")
            continue
        try:
            values[fields[name].name] = fields[name].metadata["parse"](value)
        except ValueError as error:
            raise ConfigError(f"{name} {error}, but it is {value!r}.") from None
    return OperatorSettings(**values)
