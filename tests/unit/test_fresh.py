"""`make fresh` leaves no target out: neither one of `make help`, nor one that a page names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from shop_security.scripts import script

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"(?:^|[`\s(])make ([.a-z][a-zA-Z0-9-]*)(?=[`\s,;)]|$)")


@pytest.fixture(scope="module")
def fresh() -> ModuleType:
    return script("fresh")


def commands(page: str) -> set[str]:
    """What stands in code, be it a block or a span: prose also says `make`, and means something else."""
    blocks = re.findall(r"^```.*?^```", page, re.M | re.S)
    return {name for part in [*blocks, *re.findall(r"`[^`\n]+`", page)] for name in NAMED.findall(part)}


def test_every_target_of_help_is_proved(fresh: ModuleType) -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make (\S+)", said, re.M)) <= set(fresh.PROOFS) | fresh.EXCEPT


def test_every_target_that_a_page_names_is_proved(fresh: ModuleType) -> None:
    pages = [path for path in ROOT.rglob("*.md") if ".venv" not in path.parts and ".cluster" not in path.parts]
    named = set().union(*(commands(page.read_text()) for page in pages))
    assert {"run", "cluster-up", ".venv"} <= named
    assert named <= set(fresh.PROOFS) | fresh.EXCEPT


def test_what_is_proved_is_a_target(fresh: ModuleType) -> None:
    targets = set(re.findall(r"^([.a-z][a-zA-Z0-9-]*):", (ROOT / "Makefile").read_text(), re.M))
    assert set(fresh.PROOFS) | fresh.EXCEPT <= targets
