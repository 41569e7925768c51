"""Writes schemas/<event type>.json from the structs of shop_core.events. `make generate` runs it with the others.

With --release it also keeps a copy as that of this version, which scripts/schema_changes.py compares later ones with.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

from shop_core.events.schemas import schemas

FOLDER = Path(__file__).resolve().parents[1] / "schemas"
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
    sys.stdout.write(f"{folder.relative_to(FOLDER.parent)} is fresh\n")


if __name__ == "__main__":
    write(FOLDER)
    if "--release" in sys.argv[1:]:
        write(FOLDER / "released" / version("shop-core"))
