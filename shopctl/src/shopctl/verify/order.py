"""Whether purchases of one user stand in the order in which they were sent, where one was sent after another was
acknowledged. Of those that were on their way together either may be first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shopctl.proof.history import History, Outcome, Sent


def disordered(history: History, newest: Mapping[str, str]) -> Iterator[str]:
    """What was sent after something of the same user was acknowledged, and came before it: in the log, by the receipts,
    or as it was applied, by the `newest` purchase that each user's profile names."""
    for user, acknowledged in _by_user(history).items():
        yield from _in_log(acknowledged)
        yield from _as_applied(user, acknowledged, newest.get(user, ""))


def _by_user(history: History) -> dict[str, list[Sent]]:
    """Those with an acknowledgement."""
    found: dict[str, list[Sent]] = {}
    for sent in history.sent:
        if sent.outcome(()) is Outcome.DONE:
            found.setdefault(sent.command.content["userid"], []).append(sent)
    return found


def _in_log(acknowledged: Sequence[Sent]) -> Iterator[str]:
    """Events of one user, in the order of time: each is behind what was acknowledged when it began."""
    moments = [(_began(sent), True, sent) for sent in acknowledged]
    moments += [(_ended(sent), False, sent) for sent in acknowledged]
    last: dict[str, tuple[int, Sent]] = {}
    for _, begins, sent in sorted(moments, key=lambda each: each[0]):
        partition, _, offset = _receipt(sent).rpartition("-")
        behind, earlier = last.get(partition, (-1, sent))
        if not begins and int(offset) > behind:
            last[partition] = int(offset), sent
        elif begins and int(offset) <= behind:
            places = f"{_receipt(sent)}, and {earlier.command.place} at {_receipt(earlier)}"
            yield f"{sent.command.place} is at {places} was acknowledged before it was sent"


def _as_applied(user: str, acknowledged: Sequence[Sent], newest: str) -> Iterator[str]:
    shown = next((sent for sent in acknowledged if sent.command.place == newest), None)
    if shown is None:
        return
    later = [sent for sent in acknowledged if _began(sent) > _ended(shown)]
    if later:
        last = later[-1].command.place
        yield f"{user} shows {newest} as the newest, and {last} was sent after that was acknowledged"


def _began(sent: Sent) -> float:
    return sent.answers[0].at


def _ended(sent: Sent) -> float:
    answer = next(each for each in sent.answers if each.done)
    return answer.at + answer.took


def _receipt(sent: Sent) -> str:
    return next(each.receipt for each in sent.answers if each.done)
