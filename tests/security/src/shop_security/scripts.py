"""A program of scripts/ as a module, for tests of what it says and writes: scripts/ is no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

SCRIPTS = Path(__file__).resolve().parents[4] / "scripts"


def script(name: str) -> ModuleType:
    """The module of `scripts/<name>.py`, made anew. It stays known by its name, where dataclasses look for it."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    assert spec and spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
