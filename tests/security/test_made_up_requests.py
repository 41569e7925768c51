"""Made-up requests at a door that asks its callers: with a key as documented, without one refused, and never a 5xx."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation import GenerationMode

from cm_server.api_docs.openapi import document

if TYPE_CHECKING:
    from tests.security.conftest import Door

load_all_checks()
CASES = [
    pytest.param(method.upper(), path, described.get("security") == [], id=f"{method.upper()} {path}")
    for path, methods in document(secured=True)["paths"].items()
    for method, described in methods.items()
]
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "700"))
DOCUMENTED = CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)


@pytest.mark.security(24)
@pytest.mark.parametrize(("method", "path", "open_to_all"), CASES)
def test_with_a_key_as_documented_and_without_refused(door: Door, method: str, path: str, open_to_all: bool) -> None:
    known = {"Authorization": f"Bearer {door.key('admin')}"}
    api = schemathesis.openapi.from_url(f"{door.base_url}/openapi.json")
    operation = api[path][method]

    @settings(
        max_examples=-(-EXAMPLES // len(CASES) // 2),
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def answers(case: Any) -> None:
        case.headers.pop("Authorization", None)
        case.headers.pop("X-API-Key", None)
        case.call_and_validate(checks=DOCUMENTED, headers=known, timeout=20)
        assert (case.call(timeout=20).status_code == 401) is not open_to_all

    answers()
