"""What of a fresh machine can be had in a minute or two: empty module caches, and a clone without `.venv`.

The whole of it, every target in a root of its own, is `make fresh`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from shop_cluster.binaries import MODULES, GoModule, downloaded
from shop_cluster.places import ROOT

COPIES = [
    pytest.param(module, path, inside, id=f"{module.name}-{name}")
    for module in MODULES
    for name, (path, inside) in module.copies.items()
]


@pytest.fixture
def empty(tmp_path: Path) -> dict[str, str]:
    """Every cache of Go on an empty folder; modules are made writable, so that they can be removed."""
    folders = {name: str(tmp_path / name.lower()) for name in ("GOPATH", "GOMODCACHE", "GOCACHE")}
    return os.environ | folders | {"GOWORK": "off", "GOFLAGS": "-buildvcs=false -modcacherw"}


@pytest.mark.parametrize(("module", "path", "inside"), COPIES)
def test_what_is_copied_from_a_module_is_there_with_an_empty_module_cache(
    module: GoModule, path: str, inside: str, empty: dict[str, str]
) -> None:
    assert (downloaded(path, module.source, empty) / inside).is_dir()


def test_a_clone_without_a_venv_can_lint_and_name_its_cluster(tmp_path: Path) -> None:
    """All that `make cluster-up` and `make e2e` import is installed by what they depend on in the Makefile."""
    clone, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_bytes((ROOT / name).read_bytes())
            (clone / name).chmod((ROOT / name).stat().st_mode)
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "MAKE", "VIRTUAL_ENV"))
    }
    environment |= {"HOME": str(home)}
    for words in (
        # Takes down what never was: all of the cluster's code is imported, nothing is built.
        ("make", "cluster-down"),
        (".venv/bin/python", "-m", "pytest", "tests/e2e", "--collect-only", "-q"),
        (".venv/bin/lint-imports",),
    ):
        done = subprocess.run(words, cwd=clone, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
