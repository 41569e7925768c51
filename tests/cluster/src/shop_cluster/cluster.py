"""The whole of it: up, down, and loading images into a cluster that runs."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from shop_cluster import addons, box
from shop_cluster.binaries import HELM, KUBECONFORM, KUBERNETES, build_all, program
from shop_cluster.certificates import make_certificates
from shop_cluster.commands import ClusterError, run
from shop_cluster.images import BASE_IMAGE, BUILD_BASE_IMAGE, GROUPS, PREFIX, archive_of, base_archives
from shop_cluster.places import CACHE, ROOT, Place
from shop_cluster.progress import step

TOOLS = {"kubectl": (KUBERNETES, "kubernetes"), "helm": (HELM, "helm"), "kubeconform": (KUBECONFORM, "kubeconform")}


def prepare(place: Place, project: bool = True) -> None:
    """Build what the cache lacks: the Go programs beside the first images, whose time is the network's."""
    with _cache_lock():
        with ThreadPoolExecutor(1) as other:
            base = other.submit(base_archives)
            build_all()
            base.result()
        for group in GROUPS:
            archive_of(group)
    if project:
        build_project_images(place)


@contextmanager
def _cache_lock() -> Iterator[None]:
    """Two clones share the cache: what one builds, the other waits for instead of building it again."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another command builds into the same cache: waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def up(place: Place, *, without: frozenset[str] = frozenset(), fronts: bool = True, project: bool = True) -> None:
    """A running cluster in `place`; one that ran there before, whole or in part, is removed first."""
    if os.geteuid() != 0:
        raise ClusterError("A cluster needs root: its namespaces, mounts and cgroups belong to the kernel.")
    started = time.monotonic()
    prepare(place, project)
    with step("Clearing away what an earlier run left"):
        box.close_box(place)
    try:
        _start(place, without, fronts)
    except BaseException:
        if place.logs.is_dir():
            shutil.copytree(place.logs, place.failed, dirs_exist_ok=True)
        print(
            f"What logs there are is kept in {place.failed}; `make cluster-down` removes what was started.", flush=True
        )
        raise
    print(f"Ready after {time.monotonic() - started:.0f} s: export KUBECONFIG={place.kubeconfig}", flush=True)


def _start(place: Place, without: frozenset[str], fronts: bool) -> None:
    with step("Making certificates"):
        make_certificates(place)
        place.bin.mkdir(parents=True)
        for name, (module, binary) in TOOLS.items():
            (place.bin / name).symlink_to(program(module, binary))
    box.open_box(place)
    shutil.copyfile(place.pki / "admin.kubeconfig", place.kubeconfig)
    place.kubeconfig.chmod(0o600)
    groups = [group for group in GROUPS if group not in without]
    load(place, [*map(archive_of, groups), *sorted(place.images.glob("*.tar"))])
    addons.install(place, without)
    if fronts and "ingress" not in without:
        box.open_fronts(place)


def build_project_images(place: Place, source: Path = ROOT, repository: str = PREFIX) -> Path:
    """The project's own images from their Dockerfiles, by the same target that a person uses; returns where they are.

    `source` may be another version of the project, whose images need a `repository` of their own."""
    target = place.images if source == ROOT else source / "images"
    archives = " ".join(str(path) for path in base_archives())
    bases = (f"BASE={BASE_IMAGE}", f"BUILD_BASE={BUILD_BASE_IMAGE}", f"BASE_ARCHIVE={archives}")
    variables = (*bases, f"IMAGES_DIR={target}", f"IMAGES_REPO={repository}")
    with step("Making the project's own images"):
        # Not by `make images`: an outer make would hand its ARGS down to it.
        run(source / "scripts" / "images", env=os.environ | dict(each.split("=", 1) for each in variables), cwd=source)
    return target


def load(place: Place, archives: Sequence[Path]) -> None:
    inside = box.enter(place)
    with step(f"Loading {len(archives)} image archives"):
        for archive in archives:
            run(*inside, "ctr", "--namespace", "k8s.io", "images", "import", archive.absolute())


def down(place: Place) -> None:
    with step("Taking the cluster down"):
        box.close_box(place)
