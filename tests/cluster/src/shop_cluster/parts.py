"""The cluster's processes: the command of each, in the order in which they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shop_cluster.binaries import KUBERNETES, program
from shop_cluster.commands import tool
from shop_cluster.places import API_PORT, NODE, POD_NET, SERVICE_NET, Place

ISSUER = "https://kubernetes.default.svc.cluster.local"


@dataclass(frozen=True)
class Part:
    name: str
    command: tuple[str, ...]


def containerd(place: Place) -> Part:
    return Part("containerd", (tool("containerd"), "--config", str(place.config / "containerd.toml")))


def etcd(place: Place) -> Part:
    # Nothing here outlives the cluster, so nothing need reach the disk.
    where = ("--data-dir", str(place.run / "etcd"), "--unsafe-no-fsync")
    address = "http://127.0.0.1:2379"
    return Part("etcd", (tool("etcd"), *where, "--listen-client-urls", address, "--advertise-client-urls", address))


def apiserver(place: Place) -> Part:
    pki = place.pki
    flags = {
        "etcd-servers": "http://127.0.0.1:2379",
        "advertise-address": place.address,
        "secure-port": str(API_PORT),
        "service-cluster-ip-range": SERVICE_NET,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
        "service-account-issuer": ISSUER,
        "service-account-key-file": pki / "sa.pub",
        "service-account-signing-key-file": pki / "sa.key",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "apiserver-kubelet.crt",
        "kubelet-client-key": pki / "apiserver-kubelet.key",
        # By name it would ask a name server for the node, for each `kubectl logs` and `exec`.
        "kubelet-preferred-address-types": "InternalIP",
        # KEDA's metrics API is served through the API server (aggregation), which these six are for.
        "requestheader-client-ca-file": pki / "ca.crt",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "proxy-client-cert-file": pki / "front-proxy.crt",
        "proxy-client-key-file": pki / "front-proxy.key",
    }
    return _component("kube-apiserver", flags)


def controller_manager(place: Place) -> Part:
    pki = place.pki
    flags = {
        "kubeconfig": pki / "controller-manager.kubeconfig",
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "root-ca-file": pki / "ca.crt",
        "service-account-private-key-file": pki / "sa.key",
        "cluster-signing-cert-file": pki / "ca.crt",
        "cluster-signing-key-file": pki / "ca.key",
        "allocate-node-cidrs": "true",
        "cluster-cidr": POD_NET,
        "service-cluster-ip-range": SERVICE_NET,
    }
    return _component("kube-controller-manager", flags)


def scheduler(place: Place) -> Part:
    return _component("kube-scheduler", {"kubeconfig": place.pki / "scheduler.kubeconfig", "leader-elect": "false"})


def kubelet(place: Place) -> Part:
    flags = {
        "kubeconfig": place.pki / "kubelet.kubeconfig",
        "config": place.config / "kubelet.yaml",
        "root-dir": place.run / "kubelet",
        "hostname-override": NODE,
        "node-ip": place.address,
    }
    return _component("kubelet", flags)


def kube_proxy(place: Place) -> Part:
    flags = {
        "kubeconfig": place.pki / "kube-proxy.kubeconfig",
        "hostname-override": NODE,
        "proxy-mode": "iptables",
        "cluster-cidr": POD_NET,
        # The table's size belongs to the whole machine, and may not be written from here.
        "conntrack-max-per-core": "0",
    }
    return _component("kube-proxy", flags)


def _component(name: str, flags: Mapping[str, object]) -> Part:
    words = (f"--{flag}={value}" for flag, value in flags.items())
    return Part(name, (str(program(KUBERNETES, "kubernetes")), name, *words))
