"""Another user of the machine reads nothing of what was bought on a platform that runs there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Platform

# Process ids and ports, which every user of the machine sees anyway.
OPEN = {"state.json", "lock", ".gitignore"}
FOR_OTHERS = 0o077


def readable_by_others(folder: Path) -> Iterator[Path]:
    """The files below, seen from `folder`, that somebody else than their owner comes to."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.stat(follow_symlinks=False).st_mode & FOR_OTHERS == 0:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from readable_by_others(Path(entry))
            else:
                yield Path(entry)


@pytest.mark.security(38)
def test_a_platforms_data_and_logs_are_their_owners_alone(platform: Platform) -> None:
    state: Path = platform.state_dir
    kept = {path.parent.relative_to(state).parts[0] for path in state.rglob("*.log") if path.parent != state}
    assert {"data", "logs"} <= kept, "a broker's segments and the services' logs are what there is to read"
    assert {path.name for path in readable_by_others(state)} <= OPEN
