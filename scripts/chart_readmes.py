"""Writes each chart's README.md (`helm show readme`) from its Chart.yaml and the lines above its values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).resolve().parents[1] / "charts"
NAMES = ("scalable-shop", "shop-operator", "kafka", "mongodb")
KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][\w.-]*):(?:\s|$)")
ALONE = {
    "scalable-shop": "Brings the three other charts; their values stand below `operator`, `kafka` and `mongodb`: "
    "[operator](../shop-operator/README.md), [kafka](../kafka/README.md), [mongodb](../mongodb/README.md).",
    "shop-operator": "Part of [scalable-shop](../scalable-shop/README.md), where these values stand below `operator`.",
    "kafka": "Part of [scalable-shop](../scalable-shop/README.md), where these values stand below `kafka`.",
    "mongodb": "Part of [scalable-shop](../scalable-shop/README.md), where these values stand below `mongodb`.",
}


def pages() -> dict[Path, str]:
    """Every README as it should be, by its file."""
    return {CHARTS / name / "README.md": _page(name) for name in NAMES}


def _page(name: str) -> str:
    described = yaml.safe_load((CHARTS / name / "Chart.yaml").read_text())
    head = (
        f"# {name}\n\n<!-- made by scripts/chart_readmes.py (`make charts`) from Chart.yaml and values.yaml -->\n"
        f"{described['description']}. Version {described['version']}, of {described['appVersion']}; "
        f"Kubernetes {described['kubeVersion'].removesuffix('-0').removeprefix('>=')} or newer.\n\n{ALONE[name]}\n\n"
        f"```sh\nhelm install shop charts/{name} -n shop --create-namespace --wait\n```\n"
    )
    rows = [f"| `{path}` | {default} | {text} |" for path, default, text in _values(name)]
    return "\n".join([head, "## Values", "| value | default | what it is |", "|---|---|---|", *rows]) + "\n"


def _values(name: str) -> Iterator[tuple[str, str, str]]:
    """Path, default and comment of each value that holds no others."""
    text = (CHARTS / name / "values.yaml").read_text()
    values = yaml.safe_load(text)
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        found = KEY.match(line)
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip("# ").rstrip())
            continue
        if found:
            indent = len(found["indent"])
            path = [*(each for each in path if each[0] < indent), (indent, found["key"])]
            keys = [key for _, key in path]
            value = _at(values, keys)
            if value is not _MISSING and _is_leaf(value, line):
                yield ".".join(key.replace(".", "\\.") for key in keys), _shown(value), _cell(" ".join(comment))
        comment = []


_MISSING = object()


def _at(values: Any, keys: list[str]) -> Any:
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            return _MISSING
        values = values[key]
    return values


def _is_leaf(value: Any, line: str) -> bool:
    """A map that is written on one line, or is another's copy, is a value as a whole."""
    return not isinstance(value, dict) or not value or "{" in line or "*" in line


def _shown(value: Any) -> str:
    return f"`{_cell(json.dumps(value, ensure_ascii=False))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for file, page in pages().items():
        file.write_text(page)
