"""Settings of the operator, read once from the environment."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Mapping

from shop_runtime.settings_loader import Loader, text, variable, whole

_LOADER = Loader(("OPERATOR_",))


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
    return _LOADER.load(OperatorSettings, environ)
