"""Which tests there are for which check, read from their sources: also those that a run leaves out."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


def marked_in(root: Path) -> dict[str, tuple[int, ...]]:
    """The checks of each test below `root`/tests, by its id without parameters."""
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        of_module = numbers_in(node.value for node in tree.body if isinstance(node, ast.Assign) and _is_mark(node))
        for node in tree.body:
            if isinstance(node, Function) and node.name.startswith("test_"):
                numbers = {*of_module, *numbers_in(node.decorator_list)}
                if numbers:
                    found[f"{path.relative_to(root)}::{node.name}"] = tuple(sorted(numbers))
    return found


def numbers_in(nodes: Iterable[ast.AST]) -> set[int]:
    """The arguments of each `pytest.mark.security(…)` in `nodes`."""
    calls = [call for node in nodes for call in ast.walk(node) if isinstance(call, ast.Call)]
    marks = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "security"]
    return {ast.literal_eval(argument) for call in marks for argument in call.args}


def _is_mark(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
