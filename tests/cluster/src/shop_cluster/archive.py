"""Image archives (the docker-archive layout), written without a container engine.

A layer is a tar file named by its digest; images that share a layer share it in the archive too, so that containerd
reads and unpacks it once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EPOCH = "1970-01-01T00:00:00Z"
BLOCK = 1 << 20


@dataclass(frozen=True)
class Layer:
    """A finished layer: its tar file, whose name is its digest."""

    path: Path

    @property
    def digest(self) -> str:
        return self.path.stem


@dataclass(frozen=True)
class Image:
    """A name, the layers from the lowest up, and how a container of it starts."""

    name: str
    layers: Sequence[Layer]
    command: Sequence[str] = ()
    user: str = "65532"
    environment: Mapping[str, str] = field(default_factory=dict)

    def config(self) -> bytes:
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"PATH": path} | dict(self.environment)
        document = {
            "architecture": "amd64",
            "os": "linux",
            "created": EPOCH,
            "config": {
                "User": self.user,
                "Env": [f"{name}={value}" for name, value in environment.items()],
                "Entrypoint": list(self.command) or None,
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in self.layers]},
            "history": [{"created": EPOCH, "created_by": "shop_cluster"} for _ in self.layers],
        }
        return json.dumps(document, sort_keys=True).encode()


def write_layer(folder: Path, fill: Callable[[tarfile.TarFile], None]) -> Layer:
    """A layer with what `fill` adds, in `folder`, under its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"draft-{os.getpid()}-{id(fill)}"
    try:
        with tarfile.open(draft, "w", format=tarfile.GNU_FORMAT) as tar:
            fill(tar)
        target = folder / f"{_digest_of(draft)}.tar"
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    return Layer(target)


def write_archive(target: Path, images: Iterable[Image]) -> None:
    """All images in one archive: importing one is much faster than importing many."""
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    manifest = []
    written: set[str] = set()
    with tarfile.open(draft, "w", format=tarfile.GNU_FORMAT) as tar:
        for image in images:
            config = image.config()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add_once(tar, name, config, written)
            for layer in image.layers:
                if layer.digest not in written:
                    tar.add(layer.path, f"{layer.digest}.tar")
                    written.add(layer.digest)
            layers = [f"{layer.digest}.tar" for layer in image.layers]
            manifest.append({"Config": name, "RepoTags": [image.name], "Layers": layers})
        _add_once(tar, "manifest.json", json.dumps(manifest).encode(), written)
    draft.rename(target)


def add_bytes(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = mode
    tar.addfile(entry, io.BytesIO(content))


def _add_once(tar: tarfile.TarFile, name: str, content: bytes, written: set[str]) -> None:
    if name not in written:
        add_bytes(tar, name, content)
        written.add(name)


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
