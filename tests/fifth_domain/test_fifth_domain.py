"""A fifth domain is three rooms of one name and what `make generate` writes: nothing else has to be touched.

`rooms/` holds it. It is put into a copy of the tree, which then must be as clean as ours, and in which it must be all
that the four are: described, asked for, rejected, exported, erased and rebuilt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = Path(__file__).parent / "rooms"
NAME = "wishlists"
MEMBERS = tuple(sorted(path.parent.name for path in ROOT.glob("*/src")))
LEFT_OUT = (
    ".git",
    ".venv",
    ".shop",
    ".hypothesis",
    ".pytest_cache",
    ".ruff_cache",
    "__pycache__",
    "e2e",
    "fifth_domain",
)
# What looks at all domains, and needs no server but one platform.
CHECKS = (
    *(
        "tests/unit/test_generated.py",
        "tests/unit/test_charts.py",
        "tests/unit/test_acls.py",
        "tests/unit/test_event_schemas.py",
    ),
    *("tests/unit/test_openapi.py", "tests/unit/test_operator_credentials.py", "tests/unit/test_reference.py"),
    *("tests/contract/test_read_models.py", "tests/contract/test_one_order.py", "tests/wishlists_at_work.py"),
)
# Of what is shown of each domain, its own alone: the others are shown in our tree.
OWN = f"{NAME} or not (test_read_models or test_one_order)"
pytestmark = pytest.mark.slow


class Copy:
    """A copy of the tree, worked in by the programs of our environment, which find its packages before ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (folder / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)

    def run(self, *command: str) -> str:
        """What a program says; it must succeed."""
        paths = os.pathsep.join(str(self.folder / member / "src") for member in MEMBERS)
        environment = os.environ | {"PYTHONPATH": paths}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, *words: str) -> str:
        return self.run(".venv/bin/python", *words)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = Copy(tmp_path_factory.mktemp("fifth") / "shop")
    shutil.copytree(ROOMS, copy.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    # Without a look at whether the environment is new enough: it is ours.
    copy.run("make", "--old-file=.venv/dev.stamp", "generate")
    return copy


def test_it_is_three_rooms_of_one_name() -> None:
    rooms = {str(path.relative_to(ROOMS)) for path in ROOMS.rglob("*.py")}
    package = f"cm-api/src/cm_api/domains/{NAME}/"
    modules = {f"core/src/shop_core/events/{NAME}.py", f"cm-server/src/cm_server/domains/{NAME}.py"}
    assert {room for room in rooms if not room.startswith(package)} == modules
    assert not any((ROOT / room).exists() for room in rooms), "nothing of ours is replaced"


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", *MEMBERS),
        ("ruff", "format", "--check", *MEMBERS),
        ("mypy", "core/src", "cm-server/src/cm_server/domains", "cm-api/src"),
        ("lint-imports",),
    ],
    ids=" ".join,
)
def test_the_copy_is_as_clean_as_ours(copy: Copy, command: tuple[str, ...]) -> None:
    copy.run(f".venv/bin/{command[0]}", *command[1:])


def test_it_is_all_that_the_others_are(copy: Copy) -> None:
    shutil.copy(Path(__file__).parent / "wishlists_at_work.py", copy.folder / "tests" / "wishlists_at_work.py")
    where = copy.python("-c", f"import cm_api, shop_core.events as e; print(cm_api.__file__, '{NAME}' in e.DOMAINS)")
    assert where.split() == [str(copy.folder / "cm-api/src/cm_api/__init__.py"), "True"]
    told = copy.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", OWN, *CHECKS)
    assert " passed" in told and " skipped" not in told, told
