"""Layers with Debian packages: one minimal system, and what further packages add to it.

Made by debootstrap and apt in a chroot, inside a mount namespace of its own, so that an interrupted build leaves no
mount behind. A layer holds the files that were added or changed; documentation and package caches stay out."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from shop_cluster.archive import Layer, write_layer
from shop_cluster.commands import run, tool
from shop_cluster.places import CACHE

SUITE = "bookworm"
RECIPE = "1"
LAYERS = CACHE / "layers"
LEFT_OUT = (
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/locale/",
    "var/cache/",
    "var/lib/apt/lists/",
    "var/log/",
    "tmp/",
)
# Debian's own addresses are debootstrap's default; a mirror of one's own can be named.
MIRROR = os.environ.get("DEBIAN_MIRROR", "")

# apt needs /proc (Java's certificate store is made by a Java that looks there) and must start no service.
INSTALL = """
set -e
mount -t proc proc "$1/proc"
printf '#!/bin/sh\\nexit 101\\n' > "$1/usr/sbin/policy-rc.d" && chmod +x "$1/usr/sbin/policy-rc.d"
cp /etc/resolv.conf "$1/etc/resolv.conf"
root="$1"; shift
chroot "$root" apt-get -q update
chroot "$root" apt-get -q install -y --no-install-recommends "$@"
rm "$root/usr/sbin/policy-rc.d"
: > "$root/etc/resolv.conf"
"""

Snapshot = dict[str, tuple[int, int, int]]


def minimal() -> Layer:
    """Debian's smallest system with apt, and the authorities that TLS clients trust."""

    def build(work: Path) -> Layer:
        root = work / "root"
        mirror = (MIRROR,) if MIRROR else ()
        run(tool("debootstrap"), "--variant=minbase", "--include=ca-certificates", SUITE, root, *mirror)
        return _pack(root, {})

    return _cached("minimal", (), build)


def with_packages(name: str, packages: tuple[str, ...], *below: Layer) -> Layer:
    """What `packages` add to the minimal system, or to it and the layers named."""
    lower = (minimal(), *below)

    def build(work: Path) -> Layer:
        root = work / "root"
        root.mkdir()
        for layer in lower:
            run("tar", "--extract", "--numeric-owner", "--file", layer.path, "--directory", root)
        before = _snapshot(root)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        unshare = (tool("unshare"), "--mount", "--propagation", "private")
        run(*unshare, "bash", "-c", INSTALL, "bash", root, *packages, env=environment)
        return _pack(root, before)

    return _cached(name, (*(layer.digest for layer in lower), *packages), build)


def _cached(name: str, inputs: tuple[str, ...], build: Callable[[Path], Layer]) -> Layer:
    """The layer that was made of these inputs before; a link named after them points to it."""
    key = hashlib.sha256(repr((RECIPE, SUITE, *inputs)).encode()).hexdigest()[:12]
    link = LAYERS / f"{name}-{key}"
    if not link.exists():
        work = LAYERS / f"work-{name}-{os.getpid()}"
        work.mkdir(parents=True)
        try:
            layer = build(work)
            link.unlink(missing_ok=True)
            link.symlink_to(layer.path.name)
        finally:
            shutil.rmtree(work)
    return Layer(link.resolve())


def _files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    for folder, folders, files in os.walk(root):
        for entry in sorted((*folders, *files)):
            path = Path(folder) / entry
            yield str(path.relative_to(root)), path.lstat()


def _snapshot(root: Path) -> Snapshot:
    return {name: (stat.st_mode, stat.st_size, int(stat.st_mtime)) for name, stat in _files(root)}


def _pack(root: Path, before: Snapshot) -> Layer:
    now = _snapshot(root)

    def fill(tar: tarfile.TarFile) -> None:
        for name, stat in now.items():
            is_folder = (root / name).is_dir() and not (root / name).is_symlink()
            # A folder without what is left out of it stays: programs expect some of them to exist.
            if before.get(name) == stat or (name.startswith(LEFT_OUT) and not is_folder) or name.startswith("proc/"):
                continue
            tar.add(root / name, name, recursive=False)

    return write_layer(LAYERS, fill)
