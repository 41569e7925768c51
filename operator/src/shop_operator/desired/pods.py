"""Pods that the Pod Security standard `restricted` admits: no root, no token, nothing writable but /tmp."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shop_operator.desired import scheduling
from shop_operator.desired.base import Manifest

# Requests that let a small node hold them all; a limit on CPU that one process of Python never reaches.
DEFAULT_RESOURCES: Manifest = {
    "requests": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "32Mi"},
    "limits": {"cpu": "2", "memory": "512Mi", "ephemeral-storage": "256Mi"},
}
# A pod that ends is still sent requests for a moment, until every node has heard of it.
LEAVE_SECONDS = 5
# Whoever the image's user is, files of Secrets are readable by this group, and by nobody else.
SECRETS_GROUP, SECRETS_MODE = 10001, 0o440


@dataclass(frozen=True)
class Folder:
    """A Secret mounted as a folder: all of its keys, or those named."""

    secret: str
    path: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Container:
    """The one container of a pod, in the words of the resource that asks for it."""

    name: str
    image: str
    pull_policy: str = "IfNotPresent"
    command: list[str] = field(default_factory=list)
    args: list[str] = field(default_factory=list)
    env: list[Manifest] = field(default_factory=list)
    resources: Manifest = field(default_factory=dict)
    port: tuple[str, int] | None = None
    liveness: str = ""
    readiness: str = ""
    read_only: bool = True
    user: int | None = None
    leave_slowly: bool = False
    folders: tuple[Folder, ...] = ()


@dataclass(frozen=True)
class PodOptions:
    """What the pod around the container needs."""

    pull_secrets: list[str] = field(default_factory=list)
    service_account: str = ""
    grace: int = 30
    restart: str = "Always"
    spread: dict[str, str] = field(default_factory=dict)
    settings: Manifest = field(default_factory=dict)


def pod(container: Container, options: PodOptions) -> Manifest:
    """The spec of a pod template."""
    security: Manifest = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if container.user is not None:
        security["runAsUser"] = container.user
    if container.folders:
        security["fsGroup"] = SECRETS_GROUP
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "containers": [_container(container)],
        # Service variables such as KAFKA_PORT would look like settings.
        "enableServiceLinks": False,
        "restartPolicy": options.restart,
        "securityContext": security,
        "terminationGracePeriodSeconds": options.grace,
        "volumes": [{"name": "tmp", "emptyDir": {}}, *(_volume(n, f) for n, f in enumerate(container.folders))],
    }
    if options.service_account:
        spec["serviceAccountName"] = options.service_account
    if options.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in options.pull_secrets]
    return spec | scheduling.fields(options.settings, options.spread)


def _container(container: Container) -> Manifest:
    spec: Manifest = {
        "name": container.name,
        "image": container.image,
        "imagePullPolicy": container.pull_policy,
        "resources": container.resources or DEFAULT_RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": container.read_only,
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # a mount  # nosec B108
            *(
                {"name": _volume_name(number), "mountPath": folder.path, "readOnly": True}
                for number, folder in enumerate(container.folders)
            ),
        ],
    }
    optional: dict[str, Any] = {"command": container.command, "args": container.args, "env": container.env}
    spec |= {name: value for name, value in optional.items() if value}
    if container.port:
        spec["ports"] = [{"name": container.port[0], "containerPort": container.port[1], "protocol": "TCP"}]
    if container.port and container.liveness:
        # Starting may take long (a broker that is away); only then does liveness begin to count.
        spec["startupProbe"] = _probe(container.liveness, container.port[0], period=2, failures=60)
        spec["livenessProbe"] = _probe(container.liveness, container.port[0], period=10, failures=6)
    if container.port and container.readiness:
        spec["readinessProbe"] = _probe(container.readiness, container.port[0], period=3, failures=3)
    if container.leave_slowly:
        spec["lifecycle"] = {"preStop": {"sleep": {"seconds": LEAVE_SECONDS}}}
    return spec


def _volume(number: int, folder: Folder) -> Manifest:
    secret: Manifest = {"secretName": folder.secret, "defaultMode": SECRETS_MODE}
    if folder.keys:
        secret["items"] = [{"key": key, "path": key} for key in folder.keys]
    return {"name": _volume_name(number), "secret": secret}


def _volume_name(number: int) -> str:
    return f"secret-{number}"


def _probe(path: str, port: str, *, period: int, failures: int) -> Manifest:
    get = {"path": path, "port": port, "scheme": "HTTP"}
    return {"httpGet": get, "periodSeconds": period, "timeoutSeconds": 5, "failureThreshold": failures}


def variables(pairs: dict[str, str], more: list[Manifest]) -> list[Manifest]:
    """An environment; what the resource itself names wins."""
    named = {entry["name"] for entry in more}
    return [{"name": name, "value": value} for name, value in pairs.items() if name not in named] + more
