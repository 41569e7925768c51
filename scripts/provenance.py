"""Writes beside each image of IMAGES_DIR (see scripts/images) what it is made of and what it was made from:

  <component>.cdx.json          every package with its hashes (CycloneDX, by scripts/sbom)
  <component>.provenance.json   an in-toto statement with SLSA provenance: image, commit, Dockerfile, locks, base, SBOM
  <component>.provenance.json.sig   its signature in base64, where SIGNING_KEY names a private key in PEM

Nothing outside this machine is asked. The statement names digests of all else, so that its signature holds for it too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = ("cm-server", "cm-api", "operator")
LABEL = "org.opencontainers.image"
REVISION_LENGTH = 12  # of the short one that scripts/images writes into a label
NAMES = "https://scalable-shop.dev/images"
Resource = dict[str, Any]


def main(components: list[str]) -> None:
    folder = Path(os.environ.get("IMAGES_DIR") or sys.exit("IMAGES_DIR must name the folder that make images filled."))
    key = os.environ.get("SIGNING_KEY")
    for component in components or COMPONENTS:
        archive = folder / f"{component}.tar"
        if not archive.is_file():
            sys.exit(f"{archive} is missing: IMAGES_DIR={folder} make images")
        check_source(component, archive)
        bill = folder / f"{component}.cdx.json"
        subprocess.run([ROOT / "scripts" / "sbom", component], check=True)
        shutil.copy(ROOT / "sbom" / bill.name, bill)
        said = folder / f"{component}.provenance.json"
        said.write_text(json.dumps(statement(component, archive, bill), indent=2) + "\n")
        if key:
            sign(said, key)
        sys.stdout.write(f"{said}{' and its signature' if key else ''}\n")


def statement(component: str, archive: Path, bill: Path) -> Resource:
    """What in-toto calls a statement: these things, and where they come from."""
    tag, id, config = image_in(archive)
    labels = config["config"].get("Labels") or {}
    files = (f"{component}/Dockerfile", f"requirements/{component}.txt", "requirements/build.txt")
    return {
        "_type": "https://in-toto.io/Statement/v1",
        # The id is the digest of the image's configuration: it is the same in every registry.
        "subject": [named(archive.name, archive), {"name": tag, "digest": {"sha256": id}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{NAMES}/v1",
                "externalParameters": {
                    "component": component,
                    "version": labels.get(f"{LABEL}.version"),
                    "base": labels.get(f"{LABEL}.base.name"),
                },
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": git("rev-parse", "HEAD")}},
                    *(named(file, ROOT / file) for file in files),
                ],
            },
            "runDetails": {
                "builder": {"id": f"{NAMES}/by-hand"},
                "metadata": {"finishedOn": config.get("created")},
                "byproducts": [named(bill.name, bill)],
            },
        },
    }


def image_in(archive: Path) -> tuple[str, str, Resource]:
    """Tag, id and configuration of the image in a docker-archive."""
    with tarfile.open(archive) as tar:

        def read(name: str) -> bytes:
            found = tar.extractfile(name)
            return found.read() if found else b""

        [manifest] = json.loads(read("manifest.json"))
        raw = read(manifest["Config"])
    return manifest["RepoTags"][0], hashlib.sha256(raw).hexdigest(), json.loads(raw)


def check_source(component: str, archive: Path) -> None:
    """End unless the commit that the image says it was made from is what is here."""
    revision = (image_in(archive)[2]["config"].get("Labels") or {}).get(f"{LABEL}.revision", "")
    head = git("rev-parse", "HEAD")
    if len(revision) < REVISION_LENGTH or not head.startswith(revision):
        sys.exit(f"The image of {component} is of revision {revision!r}, and this is {head[:12]}: check that out.")
    if changed := git("status", "--porcelain", "--", "runtime", "core", component, "requirements", ".dockerignore"):
        sys.exit(f"What {component} is made from is in no commit: commit it and make the image anew.\n{changed}")


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def named(name: str, path: Path) -> Resource:
    with path.open("rb") as file:
        return {"name": name, "digest": {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}}


def sign(path: Path, key: str) -> None:
    """As `openssl dgst -verify` and `cosign verify-blob` read it."""
    command = ["openssl", "dgst", "-sha256", "-sign", key, str(path)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"SIGNING_KEY={key} can't sign: {done.stderr.decode(errors='replace').strip()}")
    path.with_name(f"{path.name}.sig").write_bytes(base64.b64encode(done.stdout) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
