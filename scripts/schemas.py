"""Writes schemas/<event type>.json from the structs of shop_core.events. `make generate` runs it with the others.

With --release it also keeps a copy as that of this version, which scripts/schema_changes.py compares later ones with.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

from shop_core.events.schemas import schemas

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "schemas"
NOTE = "made by scripts/schemas.py from shop_core.events"


def files() -> dict[str, str]:
    """The text of each file by its name."""
    return {
        f"{type_}.json": json.dumps({"$comment": NOTE, **schema}, indent=2, ensure_ascii=False) + "\n"
        for type_, schema in schemas().items()
    }


def write(folder: Path) -> None:
    """The folder as it should be: the schema of an event that is no more goes away."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = files()
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text)


def released_now() -> Path:
    """Where the schemas of this version are kept."""
    version: str = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text())["project"]["version"]
    return FOLDER / "released" / version


if __name__ == "__main__":
    for folder in (FOLDER, *([released_now()] if "--release" in sys.argv[1:] else [])):
        write(folder)
        sys.stdout.write(f"{folder.relative_to(ROOT)} is fresh\n")
