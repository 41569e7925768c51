"""The checks by number, what each asserts with its bound, and how results of tests become a score. Pure.

A test shows a check by the marker `security(number)`. No check passes by claim: every test that is marked for it must
have run and passed on this very content of the working tree. Else the score says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["pass", "FAIL", "in part", "not checked", "not checkable here"]


@dataclass(frozen=True)
class Check:
    """Its name, and what its tests assert."""

    name: str
    asserts: str


CHECKS = {
    1: Check("Pod Security", "a namespace with enforce=restricted admits every pod of every profile"),
    2: Check("users of pods", "runAsNonRoot and a numeric user of 10000 or more in each container"),
    3: Check("root file system", "read-only in each container"),
    4: Check("privileges", "no escalation, all capabilities dropped, in each container"),
    5: Check("seccomp", "RuntimeDefault in each pod"),
    6: Check("service accounts", "one for each workload; a token in the operator and the uninstall Job only"),
    7: Check("resources", "each container requests and limits cpu, memory and ephemeral storage"),
    8: Check("probes", "of a service liveness differs from readiness, and there is a startup probe"),
    9: Check("images", "each may be named by digest, none is tagged latest"),
    10: Check("network policies", "default deny, and one policy for each edge, DNS too (rendered; not enforced here)"),
    11: Check("operator's role", "one namespace, no wildcard, no listing of Secrets"),
    12: Check("disruptions", "a budget, spread and maxUnavailable 0 where there are replicas"),
    13: Check("secrets", "none in values, environment literals or images; each has an existingSecret"),
    14: Check("rotation", "each password and certificate changes under load: 0 purchases lost, 0 doubled, 0 restarts"),
    15: Check("Kafka's door", "plaintext, no password and a wrong one are refused; TLS 1.2 or newer"),
    16: Check("Kafka's rights", "each principal by each operation: what kafka/acls.json does not name is denied"),
    17: Check("MongoDB's rights", "each user by each operation: what mongodb/users.json does not name is denied"),
    18: Check("edge", "TLS 1.2 or newer, a redirect, HSTS"),
    19: Check("ingress", "no snippet annotation in the chart's own; an HTTPRoute instead"),
    20: Check("credentials", "over 40 kinds of bad tokens, keys and short issuers' keys: 401, each"),
    21: Check("others' data", "every operation by eight kinds of callers: 401 or 403 unless it is theirs"),
    22: Check("limits", "over workers and doors at most 1.1 x as many pass as are allowed; 429 with Retry-After"),
    23: Check("sizes and patience", "bodies 413, heads 414 or 431, half requests 408, whoever trickles is ended"),
    24: Check("made-up requests", "SCHEMATHESIS_EXAMPLES (make security: 10,000) over the OpenAPI: 0 faults, 0 5xx"),
    25: Check("answers", "problem+json without a trace, and guarding headers on each, the parser's refusals too"),
    26: Check("logs and metrics", "0 names, 0 secrets in any of a whole run"),
    27: Check("dependencies", "each locked by version and hash; 0 known weaknesses where advisories can be reached"),
    28: Check("SBOM", "one an image, with exactly the packages of its lock"),
    29: Check("bandit", "0 findings in all sources"),
    30: Check("images' content", "no compiler, no setuid file, not root"),
    31: Check("crowds", "2,000 hostile clients of 20 addresses: /buy < 2 x its quiet median, /healthz < 100 ms, "
                        "32 MiB at most; health ports answer through one of their own"),
    32: Check("what is counted and asked", "refusals count, IPv6 by /64, X-Forwarded-For of named proxies only; "
                                           "the path authorised is the path fetched"),
    33: Check("custom resources", "nobody gains by one what RBAC denies them directly"),
    34: Check("credentials' way", "a Secret's content goes only to addresses that its owner named"),
    35: Check("identities", "no field that a tenant sets is one that a policy, Service or budget trusts"),
    36: Check("effective state", "what the operator sets for safety can't be undone; conditions tell what runs"),
    37: Check("noisy tenants", "one namespace's resources delay no other's"),
    38: Check("files", "0 revocations lost with writers at once; keys and the platform's data for their owner only"),
    39: Check("browsers", "AUTH_MODE=none: 0 of the rebound names served, 0 writes by a page of another origin"),
    40: Check("people", "every answer of every route as every caller: 0 identifiers of another person"),
}  # fmt: skip


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


def score(results: Mapping[str, Result], marked: Mapping[str, tuple[int, ...]]) -> list[Line]:
    """A line for each check, from `results` by the test's id; `marked` are all tests there are, with their checks."""
    lines = []
    for number in CHECKS:
        missing = [id for id, numbers in marked.items() if number in numbers and id not in results]
        lines.append(line_of(number, {id: r for id, r in results.items() if number in r.checks}, missing))
    return lines


def line_of(number: int, results: Mapping[str, Result], missing: Iterable[str]) -> Line:
    failed = [id for id, result in results.items() if result.failed]
    passed = sum(result.passed for result in results.values())
    skipped = [result.reason for result in results.values() if result.skipped]
    left = [*dict.fromkeys(skipped), *not_run(short(missing))]
    if failed:
        return Line(number, "FAIL", ", ".join(sorted(failed)))
    if passed:
        shown_by = f"{passed} passed: {', '.join(short(id for id, result in results.items() if result.passed))}"
        return Line(number, "in part", f"{'; '.join(left)}; {shown_by}") if left else Line(number, "pass", shown_by)
    if skipped:
        return Line(number, "not checkable here", "; ".join(left))
    return Line(number, "not checked", "; ".join(left) or "no test is marked for it")


def not_run(names: list[str]) -> list[str]:
    """One sentence on the tests that are missing, of which the first few are named."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [f"not run: {', '.join(names[:3])}{more}"] if names else []


def short(ids: Iterable[str]) -> list[str]:
    """Names of tests, as short as they can be found by."""
    return sorted({id.rpartition("::")[2] for id in ids})


def shown(lines: Iterable[Line]) -> Iterable[str]:
    for line in lines:
        check = CHECKS[line.number]
        yield f"{line.number:2}  {line.state:18}  {check.name}: {check.asserts}"
        yield f"    {'':18}  {line.evidence}"
