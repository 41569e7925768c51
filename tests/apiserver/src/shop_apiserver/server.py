"""Starts etcd and kube-apiserver as plain processes on free ports; needs neither root nor a container.

There is no kubelet and no controller: a test that needs a pod's or a Deployment's status writes it itself."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shop_apiserver.api import Api
from shop_cluster.binaries import KUBERNETES, program
from shop_cluster.certificates import make_certificates
from shop_cluster.commands import tool
from shop_cluster.parts import ISSUER
from shop_cluster.places import Place, place_of
from shop_cluster.waiting import wait_until

START_SECONDS = 90.0


def built() -> bool:
    """Are the programs there? `make e2e` builds them."""
    return program(KUBERNETES, "kubernetes").exists() and shutil.which("etcd") is not None


@contextmanager
def api_server(folder: Path) -> Iterator[Api]:
    """An API server in `folder`, until the block ends."""
    place = place_of(folder)
    make_certificates(place)
    etcd, peer, port = free_ports(3)
    with ExitStack() as stack:
        stack.enter_context(_running("etcd", _etcd(place, etcd, peer), folder))
        stack.enter_context(_running("apiserver", _apiserver(place, etcd, port), folder))
        api = Api(f"https://127.0.0.1:{port}", place.pki, _kubeconfig(place, port))
        wait_until(api.ready, f"the API server (its log is {folder}/apiserver.log)", START_SECONDS)
        yield api


def _etcd(place: Place, port: int, peer: int) -> list[str]:
    own, other = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
    words = {
        "data-dir": str(place.run / "etcd"),
        "listen-client-urls": own,
        "advertise-client-urls": own,
        "listen-peer-urls": other,
        "initial-advertise-peer-urls": other,
        "initial-cluster": f"default={other}",
    }
    return [tool("etcd"), "--unsafe-no-fsync", *(f"--{name}={value}" for name, value in words.items())]


def _apiserver(place: Place, etcd: int, port: int) -> list[str]:
    pki = place.pki
    flags = {
        "etcd-servers": f"http://127.0.0.1:{etcd}",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": str(port),
        "service-cluster-ip-range": "10.96.0.0/16",
        "authorization-mode": "RBAC",
        # Without a controller no namespace gets its default ServiceAccount, which pods would be refused for.
        "disable-admission-plugins": "ServiceAccount",
        # The address of a Service would have to be one of this machine.
        "endpoint-reconciler-type": "none",
        "client-ca-file": str(pki / "ca.crt"),
        "tls-cert-file": str(pki / "apiserver.crt"),
        "tls-private-key-file": str(pki / "apiserver.key"),
        "service-account-issuer": ISSUER,
        "service-account-key-file": str(pki / "sa.pub"),
        "service-account-signing-key-file": str(pki / "sa.key"),
    }
    program_ = str(program(KUBERNETES, "kubernetes"))
    return [program_, "kube-apiserver", *(f"--{name}={value}" for name, value in flags.items())]


@contextmanager
def _running(name: str, command: list[str], folder: Path) -> Iterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        # It ends with its parent, even where that is killed.
        process = subprocess.Popen([tool("setpriv"), "--pdeathsig", "KILL", *command], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _kubeconfig(place: Place, port: int) -> Path:
    path = place.pki / "admin.kubeconfig"
    said = json.loads(path.read_text())
    said["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    path.write_text(json.dumps(said))
    return path


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
