"""How the score of `make security` comes about: nothing passes by claim."""

from __future__ import annotations

import pytest

from shop_security.checks import CHECKS, Result, score

TEST = "tests/x.py::test_it"


@pytest.mark.parametrize(
    ("results", "state", "said"),
    [
        ({}, "not checked", "make test"),
        ({TEST: Result((7,), passed=3)}, "pass", "3 passed: test_it"),
        ({TEST: Result((7,), passed=3, failed=1)}, "FAIL", TEST),
        ({TEST: Result((7,), skipped=1, reason="no network")}, "not checkable here", "no network"),
        ({TEST: Result((7,), passed=1), "b::c": Result((7,), skipped=1, reason="no mongod")}, "pass", "left out: no m"),
        ({TEST: Result((8,), passed=1)}, "not checked", "make e2e"),
    ],
)
def test_a_check_is_what_its_tests_came_to(results: dict[str, Result], state: str, said: str) -> None:
    line = score(results)[6]
    assert (line.number, line.state) == (7, state) and said in line.evidence


def test_every_check_has_a_line() -> None:
    assert [line.number for line in score({})] == list(CHECKS) == list(range(1, 31))
