#!/usr/bin/env python3
"""`make fresh`: does each target that `make help`, README or docs name work on a machine that has nothing?

A small Debian is made by debootstrap once, with what README asks for beforehand: make and Python (git brings the
clone). Each target gets a copy of its own, with a clone of HEAD and an empty home, hence empty caches; it runs in a
chroot with processes of its own, so that nothing of it stays. Needs root. The network is this machine's: no other shop
may hold its ports.

    scripts/fresh.py                 # all of them: some hours on two cores
    scripts/fresh.py help lint       # these only
    scripts/fresh.py --shared        # one copy for all: only the first of them meets empty caches

Lent to the root, read-only: this machine's Go, if it has one, and what says how registries are reached."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITE = "bookworm"
ASKED_FOR = "ca-certificates,git,make,python3"
CLUSTER = "PYTHONPATH=tests/cluster/src .venv/bin/python -m shop_cluster"
BASE = "localhost/scalable-shop/base-python"
# What shows that a target works; a second command runs in what the first one left, so with warm caches. A test holds
# the names against `make help` and the pages.
PROOFS: dict[str, tuple[str, ...]] = {
    "help": ("make help",),
    "stop": ("make stop",),
    ".venv": ("make .venv",),
    "run": ("make run ARGS=--detach && .venv/bin/shopctl status && make stop",),
    "dev": ("make run ARGS=--detach && (timeout 60 make dev >dev.log 2>&1; grep 'Listening at' dev.log) && make stop",),
    "lint": ("make lint",),
    "charts": ("make charts && git diff --exit-code -- charts",),
    "docs": ("make docs && git diff --exit-code -- docs README.md && test -s site/index.html",),
    "generate": ("make generate && git diff --exit-code",),
    "lock": ("make lock && git diff --exit-code -- requirements",),
    "sbom": ("make sbom",),
    "test": ("make test",),
    "test-long": ("make test-long SCALING_WORLDS=20 MODEL_SEEDS=1 MODEL_STEPS=20 CATALOG_REVIEWS=500 DRILL_MINUTES=1",),
    "security": ("make security",),
    "monitoring-test": ("make monitoring-test",),
    "faults": ('make faults ARGS="-k F25-"',),
    "bench": ('make bench ARGS="--events 20000 --seconds 2"',),
    "bench-peers": ('make bench-peers ARGS="--seconds 1"',),
    # The bases are the test cluster's, since not every machine reaches a registry of images.
    "images": (
        f'make .venv && scripts/bootstrap cluster && BASE_ARCHIVE="$({CLUSTER} base | tail -n 1)" '
        f"BASE={BASE}:{SUITE} BUILD_BASE={BASE}-build:{SUITE} make images",
    ),
    "provenance": (
        f'make .venv && scripts/bootstrap cluster && BASE_ARCHIVE="$({CLUSTER} base | tail -n 1)" IMAGES_DIR=dist '
        f"BASE={BASE}:{SUITE} BUILD_BASE={BASE}-build:{SUITE} make images ARGS=cm-api && "
        "IMAGES_DIR=dist make provenance ARGS=cm-api",
    ),
    "cluster-down": ("make cluster-down",),
    "cluster-up": ("make cluster-up && make cluster-down", "make cluster-up && make cluster-down"),
    "e2e": ("make e2e",),
    "e2e-full": ("make e2e-full",),
}
# This very script.
EXCEPT = {"fresh"}
Row = tuple[str, float, str]
LENT = ("/etc/pip.conf", "/etc/ssl/certs", "PIP_FIND_LINKS", "PIP_CERT")
PASSED = re.compile(
    r"(?:PIP_|UV_|SSL_CERT_|GO(?:PROXY|SUMDB|NOSUMDB|PRIVATE)$|(?:https?|no)_proxy$|DEBIAN_MIRROR$)", re.IGNORECASE
)

ENTER = """
set -e
root="$1"; command="$2"; shift 2
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
for path in "$@"; do
  if [ -d "$path" ]; then mkdir -p "$root$path"; else mkdir -p "$root$(dirname "$path")"; touch "$root$path"; fi
  mount --bind -o ro "$path" "$root$path"
done
exec chroot "$root" bash -c "cd /root/shop && $command"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs targets of the Makefile in a throw-away Debian.")
    parser.add_argument("targets", nargs="*", choices=[*PROOFS, []], help="all of them without any")
    parser.add_argument("--shared", action="store_true", help="one copy for all of them")
    parser.add_argument("--keep", action="store_true", help="leave the copies where they are")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("debootstrap and chroot need root: run it as root, or by sudo.", file=sys.stderr)
        return 1
    work = Path(tempfile.mkdtemp(prefix="shop-fresh-"))
    try:
        rows = _prove(options.targets or list(PROOFS), work, options.shared)
    finally:
        if not options.keep:
            shutil.rmtree(work)
    print("\n| target | seconds | result |\n|---|---|---|")
    for target, seconds, result in rows:
        print(f"| `make {target}` | {seconds:.0f} | {result} |")
    return 0 if all(result == "ok" for _, _, result in rows) else 1


def _prove(targets: list[str], work: Path, shared: bool) -> list[Row]:
    bare, rows = work / "bare", []
    _make_bare(bare)
    for number, target in enumerate(targets, 1):
        root = work / ("shared" if shared else f"root-{number}")
        if not root.exists():
            subprocess.run(["cp", "--archive", "--reflink=auto", bare, root], check=True)
        for turn, command in enumerate(PROOFS[target]):
            row = _prove_one(target + (", again" if turn else ""), command, root, f"{number} of {len(targets)}")
            rows.append(row)
        if not shared:
            shutil.rmtree(root)
    return rows


def _prove_one(name: str, command: str, root: Path, where: str) -> Row:
    print(f"make {name} ({where})", flush=True)
    log = Path(tempfile.gettempdir()) / f"{root.parent.name}-{re.sub(r'[^a-z0-9]+', '-', name).strip('-')}.log"
    started = time.monotonic()
    code = _run(root, command, log)
    row = (name, time.monotonic() - started, "ok" if code == 0 else f"failed ({code}): {log}")
    print(f"make {name}: {row[2]} after {row[1]:.0f} s", flush=True)
    if code == 0:
        log.unlink()
    return row


def _make_bare(bare: Path) -> None:
    print(f"Making a Debian {SUITE} with {ASKED_FOR}", flush=True)
    mirror = [os.environ["DEBIAN_MIRROR"]] if "DEBIAN_MIRROR" in os.environ else []
    made = ["debootstrap", "--variant=minbase", f"--include={ASKED_FOR}", SUITE, str(bare), *mirror]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    for name in ("resolv.conf", "hosts"):
        shutil.copyfile(f"/etc/{name}", bare / "etc" / name)
    # As on a machine where nothing may be started by the way.
    policy = bare / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, bare / "root/shop"], check=True)


def _run(root: Path, command: str, log: Path) -> int:
    """The command's exit code; whatever it left running ends with its process namespace."""
    lent = [path for name in LENT if (path := os.environ.get(name, name)).startswith("/") and Path(path).exists()]
    environment = {key: value for key, value in os.environ.items() if PASSED.match(key)}
    environment |= {
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    if go := shutil.which("go"):
        home = subprocess.run([go, "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip()
        lent.append(home)
        environment["PATH"] = f"{home}/bin:{environment['PATH']}"
    unshare = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
    with log.open("wb") as said:
        # What lies in a folder that is lent comes with it.
        apart = [path for path in dict.fromkeys(lent) if not any(path.startswith(f"{other}/") for other in lent)]
        words = [*unshare, "bash", "-c", ENTER, "bash", str(root), command, *apart]
        return subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said).returncode


if __name__ == "__main__":
    sys.exit(main())
