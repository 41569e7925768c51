"""What we are made of: locked, known by name, and without what bandit finds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
IMAGES = ("cm-server", "cm-api", "operator")
NOT_AUDITED = "locked; not audited here: the advisory data can't be reached"
SOURCES = [f"{member}/src" for member in ("runtime", "core", "cm-server", "cm-api", "operator", "shopctl")]


def locked(lock: Path) -> dict[str, tuple[str, int]]:
    """Version and number of hashes by package."""
    found: dict[str, tuple[str, int]] = {}
    for entry in re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", lock.read_text())):
        name, version = re.match(r"([\w.\-]+)(?:\[[\w,\-]+\])?==([^\s;]+)", entry).groups()  # type: ignore[union-attr]
        found[name] = (version, entry.count("--hash=sha256:"))
    return found


@pytest.mark.security(27)
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_package_is_locked_by_version_and_hash(lock: Path) -> None:
    packages = locked(lock)
    assert packages and [name for name, (_, hashes) in packages.items() if not hashes] == []


@pytest.mark.security(27)
def test_nothing_is_installed_but_by_the_locks() -> None:
    dockerfiles = [ROOT / image / "Dockerfile" for image in IMAGES]
    for file in (ROOT / "Makefile", *dockerfiles):
        for line in file.read_text().replace("\\\n", " ").splitlines():
            for command in re.findall(r"(?:pip|call) install[ ,][^&|)]*", line):
                ours = "--no-deps" in command or "$(1" in command
                assert ours or "--require-hashes" in command, f"{file.name}: {command}"


@pytest.mark.security(27)
def test_no_package_of_an_image_has_a_known_weakness() -> None:
    command = [str(BIN / "pip-audit"), "--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json"]
    asked = [word for image in IMAGES for word in ("-r", f"requirements/{image}.txt")]
    told = subprocess.run([*command, *asked], cwd=ROOT, capture_output=True, text=True)
    try:
        audited = json.loads(told.stdout)["dependencies"]
    except ValueError:
        pytest.skip(NOT_AUDITED)
    if any("skip_reason" in package for package in audited):
        pytest.skip(NOT_AUDITED)
    assert {package["name"]: package["vulns"] for package in audited if package.get("vulns")} == {}


@pytest.mark.security(28)
@pytest.mark.parametrize("image", IMAGES)
def test_the_sbom_of_an_image_names_each_package(image: str) -> None:
    subprocess.run(["scripts/sbom", image], cwd=ROOT, check=True, capture_output=True)
    document = json.loads((ROOT / "sbom" / f"{image}.cdx.json").read_text())
    assert document["bomFormat"] == "CycloneDX"
    named = {(part["name"], part["version"]) for part in document["components"]}
    assert named == {(name, version) for name, (version, _) in locked(ROOT / f"requirements/{image}.txt").items()}


@pytest.mark.security(29)
def test_bandit_finds_nothing_and_would_find_something(tmp_path: Path) -> None:
    bandit = [str(BIN / "bandit"), "-q", "-c", "pyproject.toml", "-r"]
    found = subprocess.run([*bandit, *SOURCES], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
    (tmp_path / "bad.py").write_text("import os\nos.system(input())\nassert True\n")
    assert subprocess.run([*bandit, str(tmp_path)], cwd=ROOT, capture_output=True).returncode == 1
