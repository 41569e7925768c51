"""Configuration files of containerd, the pod network and the kubelet. Each odd line has its trap in README.md."""

from __future__ import annotations

import json

from shop_cluster.images import PAUSE_IMAGE
from shop_cluster.places import DNS_ADDRESS, NODE_POD_NET, Place

CONTAINERD = """\
version = 2
root = "{run}/containerd"
state = "/run/containerd"

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # A machine without CAP_SYS_RESOURCE cannot lower a process's score: each pod would die at its start.
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{config}/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def write_configuration(place: Place) -> None:
    place.config.mkdir(parents=True)
    (place.config / "cni").mkdir()
    containerd = CONTAINERD.format(run=place.run, config=place.config, pause=PAUSE_IMAGE)
    (place.config / "containerd.toml").write_text(containerd)
    (place.config / "cni" / "10-shop.conflist").write_text(json.dumps(_pod_network(), indent=2))
    (place.config / "kubelet.yaml").write_text(json.dumps(_kubelet(place), indent=2))
    # No name server outside: the machine's own may not be reachable from inside, and no pod needs one.
    (place.config / "resolv.conf").write_text("")


def _pod_network() -> dict[str, object]:
    addresses = {"type": "host-local", "ranges": [[{"subnet": NODE_POD_NET}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "shop", "plugins": [bridge | {"ipam": addresses}, ports]}


def _kubelet(place: Place) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(place.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(place.pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(place.pki / "kubelet.key"),
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(place.config / "resolv.conf"),
        "cgroupDriver": "cgroupfs",
        # A group of its own: two kubelets in one would delete each other's pods.
        "cgroupRoot": f"/{place.name}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": ["pods"],
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # The images come from archives: one that is thrown away would not come back.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
        "maxPods": 110,
    }
