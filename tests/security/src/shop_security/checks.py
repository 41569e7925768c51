"""The thirty checks by number, and how results of tests become a score. Pure.

A test shows a check by the marker `security(number)`. No check passes by claim: without a test that ran and passed on
this very commit it says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["pass", "FAIL", "not checked", "not checkable here"]
CHECKS = {
    1: "a namespace with enforce=restricted admits every pod",
    2: "runAsNonRoot, numeric user from 10000 on",
    3: "read-only root file system",
    4: "no privilege escalation, all capabilities dropped",
    5: "seccomp RuntimeDefault",
    6: "a ServiceAccount each, token only where the API server is asked",
    7: "requests and limits, ephemeral storage as well",
    8: "liveness differs from readiness, startup probe",
    9: "images by digest possible, none latest",
    10: "default deny, and one NetworkPolicy an edge",
    11: "the operator's role: namespaced, no wildcard, no listing of Secrets",
    12: "disruption budgets, spread, maxUnavailable 0",
    13: "no secret in values, environment or images; existingSecret",
    14: "passwords rotate without loss",
    15: "Kafka refuses plaintext",
    16: "Kafka's deny matrix",
    17: "MongoDB's deny matrix",
    18: "TLS from 1.2 on at the edge, redirect, HSTS",
    19: "no snippet annotations; an HTTPRoute is offered",
    20: "bad tokens and keys are refused",
    21: "nobody reads or buys as another",
    22: "limits hold over workers and pods",
    23: "bodies, heads and slow clients are bounded",
    24: "made-up requests find no fault",
    25: "problems without traces, security headers",
    26: "no personal data or secret in logs and metrics",
    27: "dependencies locked by hash and audited",
    28: "an SBOM for each image",
    29: "bandit finds nothing",
    30: "slim images: no compiler, no setuid, not root",
}


@dataclass(frozen=True)
class Result:
    """What one test function came to, over its parameters: how many passed, failed, were skipped, and why."""

    checks: tuple[int, ...]
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Line:
    """One check of the score."""

    number: int
    state: State
    evidence: str


def score(results: dict[str, Result]) -> list[Line]:
    """A line for each check from `results` by the test's id."""
    return [line_of(number, {id: r for id, r in results.items() if number in r.checks}) for number in CHECKS]


def line_of(number: int, results: dict[str, Result]) -> Line:
    failed = [id for id, result in results.items() if result.failed]
    passed = sum(result.passed for result in results.values())
    skipped = next((result.reason for result in results.values() if result.skipped), "")
    if failed:
        return Line(number, "FAIL", ", ".join(sorted(failed)))
    if passed:
        also = f"; left out: {skipped}" if skipped else ""
        return Line(number, "pass", f"{passed} passed: {', '.join(short(results))}{also}")
    if skipped:
        return Line(number, "not checkable here", skipped)
    return Line(number, "not checked", "make test and make e2e check it, on this commit neither has yet")


def short(ids: Iterable[str]) -> list[str]:
    """Names of tests, as short as they can be found by."""
    return sorted(id.rpartition("::")[2] for id in ids)


def shown(lines: Iterable[Line]) -> Iterable[str]:
    for line in lines:
        yield f"{line.number:2}  {line.state:18}  {CHECKS[line.number]}"
        yield f"    {'':18}  {line.evidence}"
