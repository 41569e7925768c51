"""Writes README's table of settings from the services' own dataclasses, between its two markers."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from cm_api.settings import ConsumerSettings, QuerySettings
from cm_server.settings import ServerSettings
from shop_operator.settings import OperatorSettings

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- settings: made by scripts/settings_table.py -->", "<!-- /settings -->"
SERVICES = {
    "cm-server": ServerSettings,
    "cm-api": QuerySettings,
    "cm-api-consumer": ConsumerSettings,
    "operator": OperatorSettings,
}


def table() -> str:
    """One row a variable: who reads it, unit, default, meaning."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for service, settings in SERVICES.items():
        for field in dataclasses.fields(settings):
            meta = field.metadata
            row = (meta["env"], meta["unit"], shown_default(field.default), meta["about"])
            rows.setdefault(row, []).append(service)
    lines = ["| variable | read by | unit | default | meaning |", "|---|---|---|---|---|"]
    for (name, unit, default, about), services in rows.items():
        shown = f"`{default}`" if default else "–"
        who = "all" if len(services) == len(SERVICES) else ", ".join(services)
        lines.append(f"| `{name}` | {who} | {unit or '–'} | {shown} | {about} |")
    return "\n".join(lines)


def shown_default(value: object) -> str:
    """As it would be written in the environment."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def filled(text: str) -> str:
    """README's text with the table as it should be."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
    sys.stdout.write("README.md is fresh\n")
