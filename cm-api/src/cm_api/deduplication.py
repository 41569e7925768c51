"""Each command of a batch once: what is new is handled in order, known ids change nothing, broken rules are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cm_api.batch_result import Refusal, Refused
from shop_core.events.envelope import Event

USED_BEFORE = "Idempotency-Key was used before for another command"


def each_once(
    events: Sequence[Event], known: Mapping[str, str], handle: Callable[[Event], None]
) -> tuple[dict[str, str], list[Refusal], list[str]]:
    """(digest by id of what was handled, refusals, receipts of what was known). `known` maps stored ids to digests;
    `handle` raises `Refused` where an event breaks a rule, and must then have changed nothing."""
    fresh: dict[str, str] = {}
    refused: list[Refusal] = []
    repeated: list[str] = []
    for event in events:
        digest = fresh.get(event.id, known.get(event.id))
        if digest is None:
            try:
                handle(event)
                fresh[event.id] = event.digest
            except Refused as refusal:
                refused.append(Refusal(event.receipt, refusal.reason, refusal.code))
        elif digest == event.digest:
            repeated.append(event.receipt)
        else:
            refused.append(Refusal(event.receipt, USED_BEFORE, "conflict"))
    return fresh, refused, repeated
