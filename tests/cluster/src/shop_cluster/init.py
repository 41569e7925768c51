"""The first process inside the cluster's own namespaces: sets them up, starts the parts, and starts again what ends.

Run by box.py as `python -m shop_cluster.init STATE`. Everything else in the cluster is its child: with its death the
kernel ends each process, mount and interface inside."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from shop_cluster import parts
from shop_cluster.commands import ClusterError, run, tool
from shop_cluster.configuration import write_configuration
from shop_cluster.parts import Part
from shop_cluster.places import SCRATCH, SERVICE_NET, Place, place_of
from shop_cluster.progress import step
from shop_cluster.waiting import wait_until

STARTED = "started"
SYSCTLS = ("ipv4/ip_forward", "bridge/bridge-nf-call-iptables")


class Processes:
    """The running parts, by their process ids."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._running: dict[int, tuple[Part, subprocess.Popen[bytes]]] = {}

    def start(self, part: Part) -> None:
        with (self._place.logs / f"{part.name}.log").open("ab") as log:
            process = subprocess.Popen(part.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._running[process.pid] = part, process

    def ended(self) -> list[str]:
        return [part.name for part, process in self._running.values() if process.poll() is not None]

    def watch(self) -> None:
        """Collect what ends, for ever: orphans silently; a part is started again."""
        while True:
            pid, status = os.wait()
            part, _process = self._running.pop(pid, (None, None))
            if part is not None:
                code = os.waitstatus_to_exitcode(status)
                print(f"{part.name} ended with code {code}: starting it again", flush=True)
                # At most one start a second; nothing else is waited for here.
                time.sleep(1)
                self.start(part)


def mount_folders(place: Place) -> None:
    run("mount", "-t", "proc", "proc", "/proc")
    for folder in ("/run", *SCRATCH):
        Path(folder).mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", folder)
    # The kubelet writes to /var/log whatever it is told.
    run("mount", "--bind", place.logs, "/var/log")
    # The kubelet's mounts must be seen by the containers.
    run("mount", "--make-rshared", "/")


def set_network_up(place: Place) -> None:
    wait_until(lambda: "eth0:" in Path("/proc/net/dev").read_text(), "the network interface from outside", 20)
    ip = tool("ip")
    run(ip, "link", "set", "lo", "up")
    run(ip, "address", "add", f"{place.address}/30", "dev", "eth0")
    run(ip, "link", "set", "eth0", "up")
    run(ip, "route", "add", "default", "via", place.host_address)
    # Before kube-proxy has its rules, the API server may dial a Service: the packet must not leave the machine, where
    # something else might answer, or KEDA's metrics API is taken for broken and stays so.
    run(ip, "link", "add", "svc0", "type", "bridge")
    run(ip, "link", "set", "svc0", "up")
    run(ip, "route", "add", SERVICE_NET, "dev", "svc0", "src", place.address)
    for name in SYSCTLS:
        (Path("/proc/sys/net") / name).write_text("1")


def start_parts(place: Place, processes: Processes) -> None:
    with step("Starting containerd, etcd and the API server"):
        processes.start(parts.containerd(place))
        processes.start(parts.etcd(place))
        wait_until(lambda: _listens(2379), "etcd", 60)
        processes.start(parts.apiserver(place))
        wait_until(lambda: processes.ended() or _api_ready(place), "the API server", 120)
        if ended := processes.ended():
            raise ClusterError(f"{', '.join(ended)} ended: see {place.logs}.")
    with step("Starting controller-manager, scheduler, kubelet and kube-proxy"):
        for part in (parts.controller_manager, parts.scheduler, parts.kubelet, parts.kube_proxy):
            processes.start(part(place))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _api_ready(place: Place) -> bool:
    context = ssl.create_default_context(cafile=place.pki / "ca.crt")
    context.load_cert_chain(place.pki / "admin.crt", place.pki / "admin.key")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(f"{place.api}/readyz", timeout=2):
            return True
    except OSError:
        return False


def main() -> None:
    place = place_of(Path(sys.argv[1]))
    # Pid 1 gets no default handlers; the cluster ends by SIGKILL only.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    started = place.run / STARTED
    try:
        mount_folders(place)
        set_network_up(place)
        write_configuration(place)
        processes = Processes(place)
        start_parts(place, processes)
    except BaseException as error:
        started.write_text(str(error))
        raise
    started.write_text("")
    processes.watch()


if __name__ == "__main__":
    main()
