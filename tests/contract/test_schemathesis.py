"""Made-up requests over the whole OpenAPI document, against the running platform: no 5xx, no undocumented answer."""

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
    from tests.conftest import Platform

load_all_checks()
# What a schema can't say (a moment that lies ahead, a receipt not yet stored) may be refused all the same.
EVERY = [check for check in CHECKS.get_all() if check.__name__ != "positive_data_acceptance"]
# A batch is answered by line, 202 also where no line is any good.
BY_LINE = [check for check in EVERY if check.__name__ != "negative_data_rejection"]

# What is not as described may be too long besides.
REFUSED = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}})


# What the document allows of each operation, and what it forbids of those that take anything.
CASES = [
    pytest.param(method.upper(), path, mode, id=f"{method.upper()} {path} {mode.value}")
    for path, methods in document()["paths"].items()
    for method, described in methods.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or described["parameters"] or "requestBody" in described
]


# In all; `make security` asks for ten thousand.
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "1400"))


@pytest.mark.security(24)
@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_every_answer_is_documented(platform: Platform, method: str, path: str, mode: GenerationMode) -> None:
    api = schemathesis.openapi.from_url(f"{platform.base_url}/openapi.json", config=CONFIG)
    checks = BY_LINE if path.endswith(":batch") else EVERY

    @settings(
        max_examples=-(-EXAMPLES // len(CASES)),
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=api[path][method].as_strategy(generation_mode=mode))
    def answers_as_documented(case: Any) -> None:
        case.call_and_validate(checks=checks, timeout=20)  # some ask to wait ten seconds

    answers_as_documented()
