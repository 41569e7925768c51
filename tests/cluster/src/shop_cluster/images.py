"""The images of the cluster's own parts and of the tests' Kafka, database and Redis, a few in one archive.

The project's own images are not made here: `make images` builds them from their Dockerfiles, on `base_archives`."""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from shop_cluster import rootfs
from shop_cluster.archive import Image, Layer, add_bytes, write_archive, write_layer
from shop_cluster.binaries import COREDNS, INGRESS_NGINX, KEDA, LOCAL_PATH, PAUSE, GoModule, program
from shop_cluster.commands import run
from shop_cluster.ingress_image import controller_files
from shop_cluster.kafka_jars import kafka_libs
from shop_cluster.places import CACHE, ROOT, SOURCES
from shop_cluster.progress import step

RECIPE = "1"
PREFIX = "localhost/scalable-shop"
ARCHIVES = CACHE / "archives"
PAUSE_IMAGE = f"{PREFIX}/pause:1"
BASE_IMAGE = f"{PREFIX}/base-python:{rootfs.SUITE}"
BUILD_BASE_IMAGE = f"{PREFIX}/base-python-build:{rootfs.SUITE}"

PYTHON = ("python3", "python3-venv")
COMPILER = ("gcc", "libc6-dev", "python3-dev")
JAVA = ("openjdk-17-jre-headless",)
NGINX = (
    *("nginx-light", "dumb-init", "libnginx-mod-http-lua", "libnginx-mod-http-headers-more-filter"),
    *("libnginx-mod-stream", "lua-cjson", "lua-nginx-cookie", "lua-nginx-dns", "lua-resty-core", "lua-resty-lrucache"),
)
REDIS = ("redis-server",)
DATABASE_LOCK = ROOT / "requirements" / "database.txt"
NOBODY = "65532"
SHOP_USER = "10001"


def base_archives() -> list[Path]:
    """Where no registry is to be had, the project's Dockerfiles build on these: a Debian with Python (BASE), and the
    same with a C compiler (BUILD_BASE). Each in an archive of its own: buildah takes only one image from one."""

    def base() -> list[Image]:
        return [Image(BASE_IMAGE, _python(), user="0")]

    def build_base() -> list[Image]:
        return [
            Image(BUILD_BASE_IMAGE, [*_python(), rootfs.with_packages("compiler", COMPILER, *_python()[1:])], user="0")
        ]

    return [_archive("base-python", PYTHON, base), _archive("base-python-build", (PYTHON, COMPILER), build_base)]


def _python() -> list[Layer]:
    return [rootfs.minimal(), rootfs.with_packages("python", PYTHON)]


def archive_of(group: str) -> Path:
    """The archive with the images of `core`, or of what is installed on top of it (addons.OPTIONAL)."""
    modules, build = GROUPS[group]
    ours = [path for path in sorted((SOURCES / "images").rglob("*")) if path.is_file()]
    recipes = [Path(__file__), Path(__file__).with_name("ingress_image.py"), DATABASE_LOCK, ROOT / "kafka" / "pom.xml"]
    # The version is in the images' names, which the archive holds.
    inputs = (
        _version(),
        *(module.folder.name for module in modules),
        *((p.name, p.read_bytes()) for p in (*ours, *recipes)),
    )
    return _archive(group, inputs, build)


def _core() -> list[Image]:
    return [
        Image(PAUSE_IMAGE, [_program_layer(PAUSE, "pause")], ["/pause"], NOBODY),
        Image(f"{PREFIX}/debian:{rootfs.SUITE}", [rootfs.minimal()], user=NOBODY),
        _program_image("coredns", COREDNS, "coredns"),
        _program_image("local-path-provisioner", LOCAL_PATH, "local-path-provisioner"),
    ]


def _keda() -> list[Image]:
    return [
        _program_image("keda", KEDA, "keda"),
        _program_image("keda-metrics-apiserver", KEDA, "keda-adapter"),
        _program_image("keda-admission-webhooks", KEDA, "keda-admission-webhooks"),
    ]


def _program_image(name: str, module: GoModule, binary: str) -> Image:
    layers = [rootfs.minimal(), _program_layer(module, binary)]
    return Image(f"{PREFIX}/{name}:1", layers, [f"/{binary}"], NOBODY)


def _program_layer(module: GoModule, binary: str) -> Layer:
    content = program(module, binary).read_bytes()
    return write_layer(rootfs.LAYERS, lambda tar: add_bytes(tar, binary, content, 0o755))


def _ingress() -> list[Image]:
    layers = [
        rootfs.minimal(),
        rootfs.with_packages("nginx", NGINX),
        _program_layer(INGRESS_NGINX, "nginx-ingress-controller"),
        write_layer(rootfs.LAYERS, controller_files),
    ]
    command = ["/usr/bin/dumb-init", "--", "/nginx-ingress-controller"]
    return [Image(f"{PREFIX}/ingress-nginx:1", layers, command, "0", {"NGINX_BINARY": "/usr/sbin/nginx"})]


def _servers() -> list[Image]:
    return [_kafka_image(), _database_image(), _redis_image()]


def _kafka_image() -> Image:
    """The jars only: the chart says how each broker and controller starts."""
    libs = kafka_libs()
    jars = write_layer(rootfs.LAYERS, lambda tar: tar.add(libs, "opt/kafka/libs", filter=_owned_by_root))
    layers = [rootfs.minimal(), rootfs.with_packages("java", JAVA), jars]
    return Image(f"{PREFIX}/kafka:{_version()}", layers, user=SHOP_USER)


def _database_image() -> Image:
    folder = CACHE / f"database-{os.getpid()}"
    # The image's Python, not this one, decides which wheels fit.
    target = ("--target", str(folder), "--python-version", "3.11", "--only-binary", ":all:", "--require-hashes")
    try:
        run(Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", *target, "-r", DATABASE_LOCK)
        layer = write_layer(rootfs.LAYERS, lambda tar: tar.add(folder, "opt/secantus", filter=_owned_by_root))
    finally:
        run("rm", "-rf", folder)
    start = ["/usr/bin/python3", "-c", "import sys; from secantus.cli import main; sys.exit(main())"]
    return Image(
        f"{PREFIX}/database:{_version()}", [*_python(), layer], start, SHOP_USER, {"PYTHONPATH": "/opt/secantus"}
    )


def _redis_image() -> Image:
    """What several pods count and remember in together."""
    start = ["/usr/bin/redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--dir", "/tmp"]
    return Image(f"{PREFIX}/redis:1", [rootfs.minimal(), rootfs.with_packages("redis", REDIS)], start, SHOP_USER)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = 0
    return entry


def _version() -> str:
    return version("shopctl")


def _archive(name: str, inputs: object, build: Callable[[], list[Image]]) -> Path:
    key = hashlib.sha256(repr((RECIPE, rootfs.RECIPE, inputs)).encode()).hexdigest()[:12]
    target = ARCHIVES / f"{name}-{key}.tar"
    if not target.is_file():
        ARCHIVES.mkdir(parents=True, exist_ok=True)
        with step(f"Making the images of {target.name}"):
            write_archive(target, build())
    return target


GROUPS: dict[str, tuple[tuple[GoModule, ...], Callable[[], list[Image]]]] = {
    "core": ((PAUSE, COREDNS, LOCAL_PATH), _core),
    "keda": ((KEDA,), _keda),
    "ingress": ((INGRESS_NGINX,), _ingress),
    # Kafka and Redis come with the database: whoever wants none of them tests the cluster alone.
    "database": ((), _servers),
}
