"""Every legal form of a request's target is one path and one query; what is none is refused."""

from __future__ import annotations

from urllib.parse import parse_qs, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_core.http.request_target import SLASH, BadTarget, read_target


@pytest.mark.parametrize("origin", ["", "http://h", "HTTP://127.0.0.1:8080", "https://[::1]:443", "http://a@b"])
@pytest.mark.parametrize(
    ("sent", "path", "query"),
    [
        ("/a/b?x=1", "/a/b", "x=1"),
        ("/a%2Fb", f"/a{SLASH}b", ""),
        ("/a%2fb/%2F", f"/a{SLASH}b/{SLASH}", ""),
        ("/a/%2E/b", "/a/./b", ""),
        ("/a/%2e%2e/b", "/a/../b", ""),
        ("/a/../b", "/a/../b", ""),
        ("/a/%2F..", f"/a/{SLASH}..", ""),
        ("/a%252Fb", "/a%2Fb", ""),
        ("/a%1Fb", "/a\x00b", ""),
        ("/a?x=%2F?", "/a", "x=%2F?"),
        ("/a?x=1%", "/a", "x=1%25"),
        ("/gr%C3%BCn?x=gr%C3%BCn", "/grün".encode().decode("latin-1"), "x=gr%C3%BCn"),
        ("/grün?x=grün".encode().decode("latin-1"), "/grün".encode().decode("latin-1"), "x=gr%C3%BCn"),
    ],
)
def test_all_forms_lead_to_the_same(origin: str, sent: str, path: str, query: str) -> None:
    assert read_target(origin + sent) == (path, query)


def test_slashes_in_front_are_one_and_no_path_is_the_root() -> None:
    assert read_target("//a/b%2Fc") == read_target("/a/b%2Fc") == read_target("http://h//a/b%2Fc")
    assert read_target("http://h") == read_target("http://h/") == ("/", "")
    assert read_target("http://h?x=1") == ("/", "x=1")
    assert read_target("*") == ("*", "")


@pytest.mark.parametrize(
    "sent",
    [
        "/%FF", "/a?x=%FF", "/a\xff", "/a?x=\xff", "/%C3", "/%C3/%BC", "/a?x=%C3&y=%BC", "/%C0%AF", "/%ED%A0%80",
        "/a#b", "/a b", "/a\x7f", "/a\x00", "a/b", "ftp://h/a", "http:///a", "", "h:443", "?x=1",
    ],
)  # fmt: skip
def test_what_is_no_target_is_refused(sent: str) -> None:
    with pytest.raises(BadTarget):
        read_target(sent)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_name_comes_through_encoded_or_raw(name: str) -> None:
    path, query = read_target(f"/u/{quote(name, safe='')}?n={quote(name, safe='')}")
    assert path.removeprefix("/u/").replace(SLASH, "/").encode("latin-1").decode() == name
    assert parse_qs(query, keep_blank_values=True)["n"] == [name]
    raw = name.encode().decode("latin-1")
    if not set(raw) & set(" %/?#&+=;\x7f") and raw.isprintable():
        assert read_target(f"/u/{raw}")[0] == path
        assert parse_qs(read_target(f"/u?n={raw}")[1])["n"] == [name]
