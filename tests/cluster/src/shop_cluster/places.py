"""Where everything of a test cluster lies, and by which names the machine knows it. Nothing is made here.

All names follow from the state folder alone: so `down` finds what an `up` that was killed has left behind."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shopctl.kafka_install import cache_folder

SOURCES = Path(__file__).resolve().parents[2]
ROOT = SOURCES.parents[1]
CACHE = cache_folder() / "cluster"
STATE_DIRECTORY = ROOT / ".cluster"

NODE = "shop-node"
SERVICE_NET = "10.96.0.0/16"
POD_NET = "10.244.0.0/16"
NODE_POD_NET = "10.244.0.0/24"
DNS_ADDRESS = "10.96.0.10"
API_ADDRESS = "10.96.0.1"
API_PORT = 6443
# Folders that the kubelet and the pod network write to whatever they are told: covered inside, and empty outside.
SCRATCH = ("/var/lib/cni", "/var/lib/kubelet", "/usr/libexec/kubernetes")


@dataclass(frozen=True)
class Place:
    """One cluster: its folders, its address, and the names of its interface and its cgroups."""

    state: Path

    @cached_property
    def _digest(self) -> bytes:
        return hashlib.sha256(str(self.state).encode()).digest()

    @property
    def name(self) -> str:
        return f"shop-{self._digest.hex()[:6]}"

    @property
    def interface(self) -> str:
        return f"shop{self._digest.hex()[:6]}"

    @property
    def host_address(self) -> str:
        return f"10.99.{self._digest[0]}.{self._digest[1] // 4 * 4 + 1}"

    @property
    def address(self) -> str:
        return f"10.99.{self._digest[0]}.{self._digest[1] // 4 * 4 + 2}"

    @property
    def api(self) -> str:
        return f"https://{self.address}:{API_PORT}"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def bin(self) -> Path:
        return self.state / "bin"

    @property
    def images(self) -> Path:
        """Archives of the project's own images (`make images`); kept when the cluster goes."""
        return self.state / "images"

    @property
    def run(self) -> Path:
        """Everything that ends with the cluster: certificates, configuration, logs, etcd, containers, volumes."""
        return self.state / "run"

    @property
    def pki(self) -> Path:
        return self.run / "pki"

    @property
    def config(self) -> Path:
        return self.run / "config"

    @property
    def logs(self) -> Path:
        return self.run / "logs"

    @property
    def failed(self) -> Path:
        """The logs of the last start that failed; they outlive it."""
        return self.state / "failed"

    @property
    def volumes(self) -> Path:
        return self.run / "volumes"

    @property
    def front_marker(self) -> str:
        """What the command line of each of this cluster's port forwarders contains."""
        return f"TCP:{self.address}:"


def place_of(state: Path | None = None) -> Place:
    return Place((state or STATE_DIRECTORY).absolute())
