#!/usr/bin/env python3
"""`make charts`: what a chart holds of other places is copied into it, so that it installs from wherever it lies.

No symbolic links: a Git archive, a Flux GitRepository, a clone on Windows and a package do not have them. Copied are
the tables that the charts of Kafka and MongoDB bring (COPIES), and, in `charts/` of each, those that Chart.yaml names
by `file://`, with theirs in them. The domains are those of shop_core; Chart.lock is what `helm dependency update` would
write. Needs neither helm nor network; a test says when a copy is stale. `--check` only tells."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from shop_core.events import DOMAINS

ROOT = Path(__file__).resolve().parents[1]
CHARTS = ROOT / "charts"
# A chart before those that hold it.
ORDER = ("shop-library", "shop-operator", "kafka", "mongodb", "scalable-shop")
COPIES = {
    "kafka/files/acls.json": "kafka/acls.json",
    "mongodb/files/users.json": "mongodb/users.json",
}
GENERATED = "2026-11-26T00:00:00Z"


def wanted() -> dict[str, bytes]:
    """Every file below charts/ that is made here, by its path there."""
    made = {target: (ROOT / source).read_bytes() for target, source in COPIES.items()}
    made["scalable-shop/files/domains.json"] = f"{json.dumps(list(DOMAINS))}\n".encode()
    for name in ORDER:
        dependencies = _dependencies(name)
        for dependency in dependencies:
            below = dependency["repository"].removeprefix("file://../")
            for path, content in _files(below, made).items():
                made[f"{name}/charts/{below}/{path}"] = content
        if dependencies:
            made[f"{name}/Chart.lock"] = _lock(dependencies)
    return made


def stale(made: dict[str, bytes]) -> list[str]:
    """What differs, is missing, or lies among the copies without being one."""
    found = {path for path, content in made.items() if not _same(CHARTS / path, content)}
    for name in ORDER:
        folder = CHARTS / name / "charts"
        found |= {
            str(path.relative_to(CHARTS)) for path in folder.rglob("*") if path.is_symlink() or path.is_file()
        } - set(made)
    return sorted(found)


def _same(path: Path, content: bytes) -> bool:
    return path.is_file() and not path.is_symlink() and path.read_bytes() == content


def _dependencies(name: str) -> list[dict[str, Any]]:
    described = yaml.safe_load((CHARTS / name / "Chart.yaml").read_text())
    return [each for each in described.get("dependencies", []) if each.get("repository", "").startswith("file://")]


def _files(name: str, made: dict[str, bytes]) -> dict[str, bytes]:
    """A chart's own files with those made for it; neither its values for tests nor an older copy of its copies."""
    folder = CHARTS / name
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.relative_to(folder).parts[0] not in ("charts", "ci")
    }
    return found | {
        path.removeprefix(f"{name}/"): content for path, content in made.items() if path.startswith(f"{name}/")
    }


def _lock(dependencies: list[dict[str, Any]]) -> bytes:
    """Helm holds what is asked for and what is locked together by a hash of both, in the order of its own fields."""
    fields = ("name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias")
    asked = [{field: each[field] for field in fields if field in each} for each in dependencies]
    locked = [{field: each[field] for field in ("name", "version", "repository")} for each in dependencies]
    text = json.dumps([asked, locked], separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    rows = [
        f"- name: {each['name']}\n  repository: {each['repository']}\n  version: {each['version']}\n" for each in locked
    ]
    return f'dependencies:\n{"".join(rows)}digest: sha256:{digest}\ngenerated: "{GENERATED}"\n'.encode()


def main() -> int:
    if "--check" not in sys.argv:
        # The umbrella's schema holds those of the charts below it; each README is made from its values.
        for script in ("chart_schema.py", "chart_readmes.py"):
            subprocess.run([sys.executable, ROOT / "scripts" / script], check=True)
    made = wanted()
    different = stale(made)
    if "--check" in sys.argv:
        sys.stdout.writelines(f"stale: charts/{path}\n" for path in different)
        return 1 if different else 0
    for path in different:
        target = CHARTS / path
        if path not in made or target.is_symlink():
            target.unlink()
        if path in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(made[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
