"""What a cluster could leave behind on the machine, listed, so that a test can compare before and after."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from shop_cluster.box import INIT, command_lines
from shop_cluster.places import SCRATCH, Place

PROGRAMS = re.compile(r"^(\S*/)?(kubernetes|containerd|containerd-shim\S*|etcd|runc|nsenter)$")


def traces(place: Place) -> dict[str, set[str]]:
    """By kind: processes, mounts, network interfaces, routes, packet rules, cgroups, folders."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    cgroups = (Path(line.split()[1]) for line in mounts if line.split()[2].startswith("cgroup"))
    return {
        "processes": set(_processes(place)),
        "mounts": set(mounts),
        "interfaces": {path.name for path in Path("/sys/class/net").iterdir()},
        "routes": set(_lines("ip", "route", "show", "table", "all")),
        "rules": {re.sub(r"\[\d+:\d+\]", "", line) for line in _lines("iptables-save") if not line.startswith("#")},
        "cgroups": {str(path) for root in cgroups for path in root.iterdir() if path.is_dir()},
        "namespaces": {str(path) for path in Path("/run/netns").glob("*")},
        "folders": {name for name in (*SCRATCH, str(place.run), str(place.kubeconfig)) if Path(name).exists()},
    }


def _processes(place: Place) -> list[str]:
    lines = dict(command_lines())
    # Who has ended meanwhile, as the command of a probe does every few seconds, leaves nothing and tells no parent.
    parents = {pid: parent for pid in lines if (parent := _parent(pid)) is not None}

    def belongs_to_another(pid: int) -> bool:
        while pid := parents.get(pid, 0):
            if INIT in lines.get(pid, []):
                return str(place.state) not in lines[pid]
        return False

    def is_one(words: list[str]) -> bool:
        ours = any(word == str(place.state) or word.startswith(place.front_marker) for word in words)
        return ours or bool(PROGRAMS.match(words[0]))

    return [f"{pid} {lines[pid][:4]}" for pid in parents if is_one(lines[pid]) and not belongs_to_another(pid)]


def _parent(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return int(status.partition("PPid:")[2].split()[0])


def _lines(name: str, *words: str) -> list[str]:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    return subprocess.run((path or name, *words), capture_output=True, text=True, check=True).stdout.splitlines()
