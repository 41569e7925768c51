"""Which coding an Accept-Encoding field leads to (RFC 9110 §12.5.3)."""

from __future__ import annotations

import pytest

from cm_server.compression import chosen


@pytest.mark.parametrize(
    ("field", "large", "small"),
    [
        (None, "identity", "identity"),
        ("", "identity", "identity"),
        ("gzip", "gzip", "identity"),
        ("br", "br", "identity"),
        ("gzip, br", "br", "identity"),
        ("br;q=0.1, gzip;q=1", "gzip", "identity"),
        ("br;q=0.1, gzip;q=0.10", "br", "identity"),
        ("gzip, *;q=0.1", "gzip", "identity"),
        ("*", "br", "identity"),
        ("*;q=0.5, br;q=0", "gzip", "identity"),
        ("br;q=0, gzip;q=0", "identity", "identity"),
        ("GZIP;Q=0.3", "gzip", "identity"),
        ("x-gzip", "gzip", "identity"),
        ("deflate, zstd", "identity", "identity"),
        ("gzip;q=0.5, identity", "identity", "identity"),
        ("gzip;q=0.5, identity;q=0.4", "gzip", "identity"),
        ("identity;q=0, gzip", "gzip", "gzip"),
        ("identity;q=0, *", "br", "br"),
        ("*;q=0, gzip", "gzip", "gzip"),
        ("*;q=0, identity", "identity", "identity"),
        ("identity;q=0", None, None),
        ("*;q=0", None, None),
        ("*;q=0.0, deflate", None, None),
        ("gzip;q=2, br;q=x", "identity", "identity"),
        ("gzip;level=9", "identity", "identity"),
    ],
)
def test_the_highest_quality_wins(field: str | None, large: str | None, small: str | None) -> None:
    assert (chosen(field, True), chosen(field, False)) == (large, small)
