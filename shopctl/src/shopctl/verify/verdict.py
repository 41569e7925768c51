"""From what a run of canaries came to, to its outcome. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shopctl.load.tally import percentile
from shopctl.proof.checker import Verdict
from shopctl.proof.history import History
from shopctl.verify.outcome import Judged, Outcome, Second, State

LINES = 100
MEANINGS = {
    "lost": "acknowledged, and not there in the end",
    "doubled": "there more than once",
    "changed": "there with another price or user than was sent",
    "disordered": "before what was acknowledged before it was sent",
    "ghost": "there, and never sent or refused",
    "wrong": "a user's sums are not those of the purchases",
    "slow": "answered or stored too late",
}


@dataclass
class Judgement:
    """`why` says why there is no verdict; `unstored` are receipts that the positions have not passed in time."""

    history: History = field(default_factory=History)
    verdict: Verdict | None = None
    stored: int = 0
    unstored: list[str] = field(default_factory=list)
    why: str = ""
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)


def outcome_of(judgement: Judgement, base: str, at: str, run: str, slow: float) -> Outcome:
    history, verdict = judgement.history, judgement.verdict
    acknowledged = sum(any(answer.done for answer in sent.answers) for sent in history.sent)
    why = judgement.why
    if not why and not acknowledged:
        statuses = sorted({str(answer.status or "no answer") for answer in history.answers()})
        why = f"no purchase was acknowledged ({', '.join(statuses) or 'none was sent'})"
    faults = {} if verdict is None else verdict.faults | {"slow": too_slow(history, slow, judgement.unstored)}
    judged = [
        Judged(name, meaning, len(faults.get(name, [])), faults.get(name, [])[:LINES])
        for name, meaning in MEANINGS.items()
    ]
    state: State = "all well"
    if judgement.interrupted:
        state = "interrupted"
    elif why:
        state = "no verdict"
    elif any(each.number for each in judged):
        state = "faults"
    facts = [("run", run), ("sent", f"{len(history.sent):,} purchases"), ("acknowledged", f"{acknowledged:,}")]
    if verdict is not None:
        facts += [
            ("stored", f"{judgement.stored:,}"),
            ("refused", f"{verdict.refused:,}"),
            ("unknown", f"{verdict.unknown:,} without a last answer, which may be there or not"),
        ]
    took = sorted(answer.took for answer in history.answers() if answer.status)
    if took:
        shares = [("p50", 0.5), ("p99", 0.99), ("max", 1.0)]
        facts.append(
            ("answers", "  ".join(f"{name} {percentile(took, share) * 1000:,.0f} ms" for name, share in shares))
        )
    notes = [*judgement.notes, *([] if verdict is None else refusals(verdict.refused))]
    return Outcome("live", base, at, state, facts, judged, notes, why, by_second(history))


def refusals(number: int) -> list[str]:
    """Every canary is right, so that a refusal wants to be looked at, by whomever it was."""
    told = "were refused, by cm-server or by a consumer, although they are right: see its log and the dead letters"
    return [f"{number:,} purchases {told}"] if number else []


def too_slow(history: History, slow: float, unstored: Sequence[str]) -> list[str]:
    late = [
        f"{sent.command.place}: an attempt took {answer.took:.1f} s ({answer.status or 'no answer'})"
        for sent in history.sent
        for answer in sent.answers
        if answer.took > slow
    ]
    return [f"{receipt} and maybe others before it are acknowledged and not stored yet" for receipt in unstored] + late


def by_second(history: History) -> list[Second]:
    """What was answered in each second of a run."""
    answers = list(history.answers())
    if not answers:
        return []
    start = min(answer.at for answer in answers)
    found: dict[int, list[tuple[bool, float]]] = {}
    for answer in answers:
        found.setdefault(int(answer.at + answer.took - start), []).append((answer.done, answer.took))
    return [
        Second(
            sum(done for done, _ in found.get(number, [])),
            sum(not done for done, _ in found.get(number, [])),
            round(max((took for _, took in found.get(number, [])), default=0.0), 3),
        )
        for number in range(max(found) + 1)
    ]
