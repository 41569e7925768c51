"""How the score of `make security` comes about: nothing passes by claim, and nothing that was left out passes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shop_security import record
from shop_security.checks import CHECKS, Result, score
from shop_security.marked import marked_in

TEST, OTHER = "tests/x.py::test_it", "tests/e2e/y.py::test_that"
MARKED = {TEST: (7,), OTHER: (8,)}
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("results", "state", "said"),
    [
        ({}, "not checked", "not run: test_it"),
        ({TEST: Result((7,), passed=3)}, "pass", "3 passed: test_it"),
        ({TEST: Result((7,), passed=3, failed=1)}, "FAIL", TEST),
        ({TEST: Result((7,), skipped=1, reason="no network")}, "not checkable here", "no network"),
        ({TEST: Result((7,), passed=1, skipped=1, reason="no broker")}, "in part", "no broker"),
        ({TEST: Result((7,), passed=1), "b::c": Result((7,), skipped=1, reason="no mongod")}, "in part", "no mongod"),
        ({"b::c": Result((7,), passed=1)}, "in part", "not run: test_it; 1 passed: c"),
        ({OTHER: Result((8,), passed=1)}, "not checked", "not run: test_it"),
    ],
)
def test_a_check_is_what_its_tests_came_to(results: dict[str, Result], state: str, said: str) -> None:
    line = score(results, MARKED)[6]
    assert (line.number, line.state) == (7, state) and said in line.evidence


def test_what_was_skipped_is_not_named_among_what_passed() -> None:
    results = {TEST: Result((7,), passed=2), "b::audited": Result((7,), skipped=1, reason="no network")}
    assert score(results, MARKED)[6].evidence == "no network; 2 passed: test_it"


def test_a_check_without_a_test_says_so() -> None:
    assert score({}, {})[0].evidence == "no test is marked for it"


def test_every_check_has_a_line_and_a_bound() -> None:
    assert [line.number for line in score({}, {})] == list(CHECKS) == list(range(1, 41))
    assert all(check.name and len(check.asserts) > 10 for check in CHECKS.values())


def test_every_marked_test_is_for_a_check_that_there_is() -> None:
    marked = marked_in(ROOT)
    assert (
        len(marked) > 60 and marked["tests/security/test_supply_chain.py::test_the_sbom_of_an_image_names_each_package"]
    )
    assert {number for numbers in marked.values() for number in numbers} <= set(CHECKS)


def test_marks_of_functions_and_of_whole_modules_are_found(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(
        "import pytest\npytestmark = [pytest.mark.last, pytest.mark.security(3)]\n"
        "@pytest.mark.security(1, 2)\n@pytest.mark.parametrize('x', [1])\ndef test_one(x): ...\n"
        "def test_two(): ...\ndef helper(): ...\n"
    )
    assert marked_in(tmp_path) == {"tests/test_a.py::test_one": (1, 2, 3), "tests/test_a.py::test_two": (3,)}


def test_results_add_up_on_the_same_content_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> None:
        told = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        subprocess.run(told, cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(record, "FILE", tmp_path / "score" / "security.json")
    git("init")
    (tmp_path / ".gitignore").write_text("score\n")
    (tmp_path / "a.py").write_text("1\n")
    git("add", "a.py", ".gitignore")
    git("commit", "-m", "a")
    passed = {TEST: Result((7,), passed=3)}
    record.keep(record.content(tmp_path), passed)
    assert record.known(record.content(tmp_path)) == passed
    (tmp_path / "a.py").write_text("2\n")
    assert record.known(record.content(tmp_path)) == {}, "changed since, without a commit"
    (tmp_path / "a.py").write_text("1\n")
    (tmp_path / "b.py").write_text("\n")
    assert record.known(record.content(tmp_path)) == {}, "a new file"
    (tmp_path / "b.py").unlink()
    assert record.known(record.content(tmp_path)) == passed
    git("commit", "--allow-empty", "-m", "b")
    assert record.known(record.content(tmp_path)) == passed


def test_without_a_repository_nothing_adds_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "FILE", tmp_path / "security.json")
    assert record.content(tmp_path) == ""
    record.keep("", {TEST: Result((7,), passed=3)})
    assert record.known("") == {}
