"""What we are made of: locked, known by name, and without what bandit finds."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
IMAGES = ("cm-server", "cm-api", "operator")
# As pip-audit says it, or falls over it; whatever else it stumbles on is a failure.
UNREACHABLE = re.compile(r"your network may be blocking this service|(requests|urllib3)\.exceptions\.")
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
    if UNREACHABLE.search(told.stderr):
        pytest.skip(NOT_AUDITED)
    assert told.stdout, told.stderr
    audited = json.loads(told.stdout)["dependencies"]
    # What was found counts, also where some packages could not be looked up.
    assert {package["name"]: package["vulns"] for package in audited if package.get("vulns")} == {}
    if any("skip_reason" in package for package in audited):
        pytest.skip(NOT_AUDITED)


@pytest.mark.security(28)
@pytest.mark.parametrize("image", IMAGES)
def test_the_sbom_of_an_image_names_each_package(image: str) -> None:
    subprocess.run(["scripts/sbom", image], cwd=ROOT, check=True, capture_output=True)
    document = json.loads((ROOT / "sbom" / f"{image}.cdx.json").read_text())
    assert document["bomFormat"] == "CycloneDX"
    named = {(part["name"], part["version"]) for part in document["components"]}
    assert named == {(name, version) for name, (version, _) in locked(ROOT / f"requirements/{image}.txt").items()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A checkout with what the image of cm-server is made from, all of it in one commit."""
    place = tmp_path / "source"
    for name in ("scripts", "requirements", "cm-server"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("src", "__pycache__"))
    (place / ".venv").symlink_to(BIN.parent)
    (place / ".gitignore").write_text("/.venv\n/sbom\n")
    as_somebody = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (["init", "-q"], ["add", "."], [*as_somebody, "commit", "-qm", "All"]):
        subprocess.run(["git", *words], cwd=place, check=True)
    return place


def image(folder: Path, revision: str) -> str:
    """A docker-archive as scripts/images writes it, without layers; the image's id."""
    folder.mkdir(exist_ok=True)
    labels = {"revision": revision, "version": "0.1.0", "base.name": "python@sha256:0"}
    labels = {f"org.opencontainers.image.{name}": value for name, value in labels.items()}
    config = json.dumps({"config": {"Labels": labels}, "created": "2026-01-02T03:04:05Z"}).encode()
    manifest = [{"Config": "c.json", "RepoTags": ["localhost/scalable-shop/cm-server:0.1.0"], "Layers": []}]
    with tarfile.open(folder / "cm-server.tar", "w") as tar:
        for name, data in {"c.json": config, "manifest.json": json.dumps(manifest).encode()}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return hashlib.sha256(config).hexdigest()


def provenance(source: Path, folder: Path, key: Path) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"IMAGES_DIR": str(folder), "SIGNING_KEY": str(key)}
    command = [sys.executable, "scripts/provenance.py", "cm-server"]
    return subprocess.run(command, cwd=source, env=environ, capture_output=True, text=True)


@pytest.mark.security(28)
def test_a_signed_statement_says_what_an_image_was_made_from(source: Path, tmp_path: Path) -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=source, check=True, capture_output=True, text=True)
    commit, folder, key, public = head.stdout.strip(), tmp_path / "dist", tmp_path / "key", tmp_path / "public"
    id = image(folder, commit[:12])
    curve = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)]
    subprocess.run(curve, check=True, capture_output=True)
    subprocess.run(["openssl", "ec", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    done = provenance(source, folder, key)
    assert done.returncode == 0, done.stderr

    said = folder / "cm-server.provenance.json"
    statement = json.loads(said.read_text())

    def digest(path: Path) -> dict[str, str]:
        return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}

    assert statement["subject"] == [
        {"name": "cm-server.tar", "digest": digest(folder / "cm-server.tar")},
        {"name": "localhost/scalable-shop/cm-server:0.1.0", "digest": {"sha256": id}},
    ]
    build = statement["predicate"]["buildDefinition"]
    parts = {part["name"]: part["digest"] for part in build["resolvedDependencies"]}
    assert parts["source"] == {"gitCommit": commit}
    lock = "requirements/cm-server.txt"
    assert parts[lock] == digest(source / lock) and build["externalParameters"]["base"] == "python@sha256:0"
    [bill] = statement["predicate"]["runDetails"]["byproducts"]
    assert bill == {"name": "cm-server.cdx.json", "digest": digest(folder / "cm-server.cdx.json")}

    signature = tmp_path / "signature"
    signature.write_bytes(base64.b64decode((folder / f"{said.name}.sig").read_text()))
    check = ["openssl", "dgst", "-sha256", "-verify", str(public), "-signature", str(signature), str(said)]
    assert subprocess.run(check, capture_output=True).returncode == 0
    said.write_text(said.read_text().replace(commit, "0" * 40))
    assert subprocess.run(check, capture_output=True).returncode != 0, "what was changed afterwards is noticed"


@pytest.mark.security(28)
def test_no_statement_is_made_of_what_nobody_can_look_up(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dist"
    for revision in ("0123456789ab", "", "unknown"):
        image(folder, revision)
        assert "check that out" in provenance(source, folder, tmp_path / "key").stderr, revision
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=source, check=True, capture_output=True, text=True)
    image(folder, head.stdout[:12])
    (source / "requirements" / "cm-server.txt").write_text("other\n")
    assert "is in no commit" in provenance(source, folder, tmp_path / "key").stderr
    assert not list(folder.glob("*.json"))


@pytest.mark.security(29)
def test_bandit_finds_nothing_and_would_find_something(tmp_path: Path) -> None:
    bandit = [str(BIN / "bandit"), "-q", "-c", "pyproject.toml", "-r"]
    found = subprocess.run([*bandit, *SOURCES], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
    (tmp_path / "bad.py").write_text("import os\nos.system(input())\nassert True\n")
    assert subprocess.run([*bandit, str(tmp_path)], cwd=ROOT, capture_output=True).returncode == 1
