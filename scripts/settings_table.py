"""Writes what follows from the services' own dataclasses of settings: the tables, each between its two markers (all of
them into docs/reference/settings.md, those that people set first into README.md), .env.example, which is to be copied
and filled in, and the names that services know.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from cm_api.settings import ConsumerSettings, QuerySettings
from cm_ops.settings import OpsSettings
from cm_server.settings import ServerSettings
from shop_operator.settings import OperatorSettings

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- settings: made by scripts/settings_table.py -->", "<!-- /settings -->"
SERVICES = {
    "cm-server": ServerSettings,
    "cm-api": QuerySettings,
    "cm-api-consumer": ConsumerSettings,
    "cm-ops": OpsSettings,
    "operator": OperatorSettings,
}


# What somebody sets on the first day, in README.
FIRST = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "MONGODB_URI",
    "HTTP_PORT",
    "AUTH_MODE",
    "LIMITS",
    "CACHE_URL",
    "KAFKA_CLIENT",
    "LOG_LEVEL",
)
KNOWN = ROOT / "core/src/shop_core/config/known_variables.py"
PAGES: dict[Path, tuple[str, ...]] = {ROOT / "README.md": FIRST, ROOT / "docs" / "reference" / "settings.md": ()}


def table(only: Sequence[str] = ()) -> str:
    """One row a variable: who reads it, unit, default, meaning. `only` these variables, or all."""
    lines = ["| variable | read by | unit | default | meaning |", "|---|---|---|---|---|"]
    for (name, unit, default, about), services in rows(only).items():
        shown = f"`{default}`" if default else "–"
        lines.append(f"| `{name}` | {read_by(services)} | {unit or '–'} | {shown} | {about} |")
    return "\n".join(lines)


def rows(only: Sequence[str] = ()) -> dict[tuple[str, str, str, str], list[str]]:
    """Name, unit, default and meaning of each variable, with the services that read it so."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for service, settings in SERVICES.items():
        for field in dataclasses.fields(settings):
            meta = field.metadata
            row = (meta["env"], meta["unit"], shown_default(field.default), meta["about"])
            if not only or meta["env"] in only:
                found.setdefault(row, []).append(service)
    return found


ENV_EXAMPLE = ROOT / ".env.example"
ENV_HEAD = """\
# Every setting with its default. Made by scripts/settings_table.py.
# Copy it to .env, take the # away where you want another value, then: set -a; . ./.env; set +a; make run
# Where a name stands several times, each service has a default of its own: leave it alone, or set it for one service.
"""


def env_example() -> str:
    """Each variable as an assignment that is commented out, below what it means, by who reads it."""
    sections: dict[str, list[str]] = {}
    for (name, unit, default, about), services in rows().items():
        note = f"# {about}" + (f" ({unit})" if unit else "")
        sections.setdefault(read_by(services), []).append(f"{note}\n#{name}={default}\n")
    parts = [f"\n# --- {who} ---\n\n" + "\n".join(lines) for who, lines in sections.items()]
    return ENV_HEAD + "".join(parts)


def read_by(services: Sequence[str]) -> str:
    return "all" if len(services) == len(SERVICES) else ", ".join(services)


def shown_default(value: object) -> str:
    """As it would be written in the environment."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def filled(text: str, only: Sequence[str] = ()) -> str:
    """A page's text with its table as it should be."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table(only)}\n{END}{tail}"


def known() -> str:
    """The module with each variable of every service but the operator, whose environment is its own."""
    services = (settings for service, settings in SERVICES.items() if service != "operator")
    names = sorted({field.metadata["env"] for settings in services for field in dataclasses.fields(settings)})
    lines = "".join(f'    "{name}",\n' for name in names)
    why = "Each variable of every service, so that one service's environment may carry another's. `make generate`."
    return f'"""{why}"""\n\nKNOWN = (\n{lines})\n'


if __name__ == "__main__":
    KNOWN.write_text(known())
    sys.stdout.write(f"{KNOWN.relative_to(ROOT)} is fresh\n")
    for page, only in PAGES.items():
        page.write_text(filled(page.read_text(), only))
        sys.stdout.write(f"{page.relative_to(ROOT)} is fresh\n")
    ENV_EXAMPLE.write_text(env_example())
    sys.stdout.write(f"{ENV_EXAMPLE.name} is fresh\n")
