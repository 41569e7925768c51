"""Each line of curl in the API reference that needs nothing set but the base address, as it is printed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from cm_server.api_docs import curl
from cm_server.api_docs.openapi import document

if TYPE_CHECKING:
    from tests.conftest import Platform

pytestmark = pytest.mark.slow
LINES = {
    described["operationId"]: curl.line(path, method, described)
    for path, methods in document()["paths"].items()
    for method, described in methods.items()
    if "{" not in path
}
# A first caller has no campaign yet, and no receipt of an event to follow.
NEEDS_MORE = {"createEvent", "followEvent"}


def test_a_line_of_curl_does_what_it_says(platform: Platform) -> None:
    assert len(LINES) > 20
    refused: dict[str, tuple[str, str]] = {}
    for name in sorted(LINES.keys() - NEEDS_MORE):
        line = f"B={platform.base_url.rstrip('/')}; {LINES[name]} -o /dev/null -w '%{{http_code}}'"
        status = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=True).stdout
        refused |= {} if status.startswith("2") else {name: (status, line)}
    assert refused == {}
