"""The cluster's namespaces, seen from the machine: makes them, finds what runs in them, and takes all of it away.

Nothing is remembered in files: processes are found by their command lines, the rest by names that follow from the
state folder (places.py). So `down` also clears what an `up` that was killed has left."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from shop_cluster.commands import ClusterError, run, tool
from shop_cluster.init import STARTED
from shop_cluster.places import SCRATCH, SOURCES, Place
from shop_cluster.waiting import wait_until

INIT = "shop_cluster.init"
FRONTS = (80, 443)


def open_box(place: Place) -> None:
    """Start the cluster's first process in namespaces of its own, and connect it to this machine."""
    _make_cgroups(place)
    place.logs.mkdir(parents=True)
    namespaces = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
    command = (tool("unshare"), *namespaces, sys.executable, "-m", INIT, str(place.state))
    # The code's folder is taken from here: started from elsewhere, the command line still finds it.
    environment = os.environ | {"PYTHONPATH": str(SOURCES / "src")}
    _spawn(place, "init", *command, env=environment)
    wait_until(lambda: _apart(place), "the network namespace", 10)
    ip, inner = tool("ip"), f"{place.interface}i"
    run(ip, "link", "add", place.interface, "type", "veth", "peer", "name", inner)
    run(ip, "address", "add", f"{place.host_address}/30", "dev", place.interface)
    run(ip, "link", "set", place.interface, "up")
    run(ip, "link", "set", inner, "netns", str(_apart(place)[0]), "name", "eth0")
    started = place.run / STARTED
    wait_until(lambda: started.exists() or not _inits(place), "the cluster's processes", 200)
    print((place.logs / "init.log").read_text(), end="", flush=True)
    if not started.exists() or started.read_text():
        raise ClusterError(f"The cluster's processes did not start; their logs are in {place.logs}.")


def _spawn(place: Place, name: str, *command: str, env: Mapping[str, str] | None = None) -> None:
    """Start what outlives this program, and is no child of it."""
    with (place.logs / f"{name}.log").open("ab") as log:
        words = (tool("setsid"), "--fork", *command)
        subprocess.run(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, check=True)


def _apart(place: Place) -> list[int]:
    """Those of the cluster's first processes that have left this machine's network."""
    own = Path("/proc/self/ns/net").readlink()
    return [pid for pid in _inits(place) if Path(f"/proc/{pid}/ns/net").readlink() != own]


def enter(place: Place) -> tuple[str, ...]:
    """The words before a command that is to run inside."""
    for pid in _inits(place):
        status = Path(f"/proc/{pid}/status").read_text()
        # Only pid 1 of the inner namespace is meant: `unshare`, which waits for it outside, has one number only.
        if any(line.startswith("NSpid:") and line.split()[-1] == "1" for line in status.splitlines()):
            return (tool("nsenter"), "--target", str(pid), "--mount", "--net", "--pid")
    raise ClusterError(f"No cluster runs in {place.state}: `make cluster-up` starts one.")


def runs(place: Place) -> bool:
    return bool(_inits(place)) and place.kubeconfig.is_file()


def open_fronts(place: Place) -> None:
    """The ingress's ports on this machine's own loopback address."""
    for port in FRONTS:
        _open_front(place, port)


def _open_front(place: Place, port: int) -> None:
    if _is_open(port):
        raise ClusterError(f"127.0.0.1:{port} is taken by another program: stop it, or use --no-fronts.")
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr"
    _spawn(place, f"front-{port}", tool("socat"), listen, f"{place.front_marker}{port}")
    wait_until(lambda: _is_open(port), f"port {port} on 127.0.0.1", 10)


def close_box(place: Place) -> None:
    """End and remove everything but the archives in `images`."""
    for pid in (*_inits(place), *_fronts(place)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not _inits(place) and not _fronts(place), "the end of the cluster's processes", 60)
    if Path(f"/sys/class/net/{place.interface}").exists():
        run(tool("ip"), "link", "delete", place.interface)
    wait_until(lambda: all(_remove_cgroup(folder) for folder in _cgroups(place)), "the end of its cgroups", 60)
    place.kubeconfig.unlink(missing_ok=True)
    for folder in (place.run, place.bin):
        if folder.exists():
            shutil.rmtree(folder)
    # Another cluster has its own mounted on them, which would go with the folder.
    if not any(INIT in words for _pid, words in command_lines()):
        for name in SCRATCH:
            with contextlib.suppress(OSError):
                Path(name).rmdir()


def _inits(place: Place) -> list[int]:
    return [pid for pid, words in command_lines() if INIT in words and str(place.state) in words]


def _fronts(place: Place) -> list[int]:
    found = command_lines()
    return [
        pid for pid, words in found if words and words[0].endswith("socat") and words[-1].startswith(place.front_marker)
    ]


def command_lines() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                line = (folder / "cmdline").read_text(errors="replace")
                yield int(folder.name), line.rstrip("\0").split("\0")


def _is_open(port: int) -> bool:
    """Whether something listens there, or on every address."""
    listening = (f"{address}:{port:04X} 00000000:0000 0A" for address in ("0100007F", "00000000"))
    table = Path("/proc/net/tcp").read_text()
    return any(entry in table for entry in listening)


def _cgroups(place: Place) -> list[Path]:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return [Path(words[1]) / place.name for words in mounts if words[2] in ("cgroup", "cgroup2")]


def _make_cgroups(place: Place) -> None:
    for folder in _cgroups(place):
        folder.mkdir(exist_ok=True)
        # An empty cpuset admits no process.
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (folder.parent / name).is_file() and (folder / name).is_file():
                (folder / name).write_text((folder.parent / name).read_text())


def _remove_cgroup(folder: Path) -> bool:
    """Whether it is gone, with those in it; the kernel needs a moment after the last process."""
    for child in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            child.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()
