"""Clients that generators make of /openapi.json buy, wait for the receipt and read the list: the programs of
schemas/examples, with their types checked, against the running platform."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Platform

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "schemas" / "examples"
CLIENTS = ROOT / ".venv" / "clients"


def run(folder: Path, *command: str | Path, **extra: str) -> str:
    """What a program says, run in `folder` with the tools of the generators at hand."""
    path = os.pathsep.join((str(CLIENTS / "bin"), os.environ["PATH"]))
    environment = os.environ | {"PATH": path} | extra
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def folder(platform: Platform, tmp_path: Path) -> Path:
    """With the document of the running service, and what the examples in JavaScript need."""
    assert CLIENTS.exists(), "the generators are not installed: run `make .venv/clients.stamp`"
    (tmp_path / "openapi.json").write_bytes(platform.request("GET", "/openapi.json").data)
    (tmp_path / "node_modules").symlink_to(CLIENTS / "js" / "node_modules")
    shutil.copy(EXAMPLES / "package.json", tmp_path)
    return tmp_path


def check_bought(platform: Platform, buyer: Sequence[str | Path], folder: Path) -> None:
    user = f"generated-{uuid.uuid4().hex[:8]}"
    state, *lines = run(folder, *buyer, platform.base_url.rstrip("/"), user).splitlines()
    [bought] = platform.request("GET", f"/v1/users/{user}/purchases").json()["purchases"]
    assert (state, lines) == ("stored", [f"{bought['_id']}\t12.50"])


def test_a_generated_python_client_buys(platform: Platform, folder: Path) -> None:
    program = shutil.copy(EXAMPLES / "buyer.py", folder)
    generate = ("generate", "--path", "openapi.json", "--meta", "none", "--output-path", "shop_client")
    run(folder, "openapi-python-client", *generate)
    # The client's own code is its generator's; what is checked is that the program uses it by its types.
    python = CLIENTS / "bin" / "python"
    types = ("--strict", "--follow-imports=silent", "--config-file=", f"--cache-dir={folder}", "--python-executable")
    run(folder, sys.executable, "-m", "mypy", *types, python, program, MYPYPATH=str(folder))
    check_bought(platform, (python, program), folder)


def test_a_generated_typescript_client_buys(platform: Platform, folder: Path, node: Path) -> None:
    program = shutil.copy(EXAMPLES / "buyer.ts", folder)
    shutil.copy(EXAMPLES / "tsconfig.json", folder)
    modules = folder / "node_modules"
    types = modules / "openapi-typescript" / "bin" / "cli.js"
    run(folder, node, types, "openapi.json", "-o", "shop.d.ts", "--default-non-nullable=false")
    run(folder, node, modules / "typescript" / "bin" / "tsc")
    check_bought(platform, (node, program), folder)


def test_every_operation_has_a_function_of_its_name(platform: Platform, folder: Path) -> None:
    """Under its tag; whatever the generator leaves out, a client can't call."""
    run(
        folder, "openapi-python-client", "generate", "--path", "openapi.json", "--meta", "none", "--output-path", "made"
    )
    paths = json.loads((folder / "openapi.json").read_bytes())["paths"]
    described = {(each["tags"][0], each["operationId"].lower()) for path in paths.values() for each in path.values()}
    made = {(file.parent.name, file.stem.replace("_", "")) for file in (folder / "made" / "api").glob("*/[a-z]*.py")}
    assert described == made
