"""`Prefer` by its grammar (RFC 7240 §2): what it says, and what is ignored."""

from __future__ import annotations

import pytest

from cm_server.commands.prefer import preferences, wait_in


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("wait=2", {"wait": "2"}),
        ("Wait=2, WAIT=3", {"wait": "2"}),
        ('respond-async, wait="2"', {"respond-async": "", "wait": "2"}),
        ("return=minimal; foo=some; bar , wait = 4 ;x", {"return": "minimal", "wait": "4"}),
        ('foo="a, wait=9", wait=1', {"foo": "a, wait=9", "wait": "1"}),
        (r'foo="a\", wait=9", wait=1', {"foo": 'a", wait=9', "wait": "1"}),
        ("foo=bar; wait=5", {"foo": "bar"}),
        ('foo=bar; note="x, wait=5"', {"foo": "bar"}),
        ("foo=", {"foo": ""}),
        ('foo=""', {"foo": ""}),
        (",, ,wait=2,", {"wait": "2"}),
        ("wait=2 3", {}),
        ("wait 2, wait=3", {"wait": "3"}),
        ('"wait=2", foo', {"foo": ""}),
        ('foo="open, wait=2', {}),
        ("", {}),
    ],
)
def test_a_field_is_read_by_its_grammar(field: str, found: dict[str, str]) -> None:
    assert preferences(field) == found


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("wait=2", 2.0),
        ("wait=0.5", 0.5),
        ("wait=10", 10.0),
        ("wait=11", 10.0),
        ("wait=9999999", 10.0),
        ("wait=" + "9" * 5000, 10.0),
        ("wait=0", 0.0),
        ("wait=-1", 0.0),
        ("wait=+1", 0.0),
        ("wait=1e1", 0.0),
        ("wait=٣", 0.0),
        ("wait=nan", 0.0),
        ("wait=inf", 0.0),
        ("wait=abc, wait=3", 0.0),
        ("wait", 0.0),
        ("wait=", 0.0),
        ("await=3", 0.0),
        ("wait-longer=3", 0.0),
        ("foo=bar; wait=abc", 0.0),
    ],
)
def test_a_wait_is_cut_or_ignored_and_never_a_fault(field: str, seconds: float) -> None:
    assert wait_in(field) == seconds
