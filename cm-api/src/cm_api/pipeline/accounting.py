"""What a batch adds to the counts of its partitions: every offset of a move in one of them. Pure.

What is stored is told by the projection, which does not say where; so each partition's share is what is left of its
messages. Where the projection told of more or fewer than that, the difference is put to one of them: the sum is wrong
then, as it should be, for an event was forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cm_api.batch_result import Outcome
from shop_core.events.envelope import Message, TopicPartition
from shop_core.mongo.event_counts import EventCounts
from shop_core.mongo.positions import Move


def counted(
    moves: Mapping[TopicPartition, Move], messages: Sequence[Message], outcome: Outcome
) -> dict[TopicPartition, Move]:
    """`moves` with the counts of what `messages` came to; `outcome` has every refusal."""
    place = {message.receipt: (message.topic, message.partition) for message in messages}
    came = Counter(place.values())
    repeated = _by_place(place, outcome.repeated)
    refused = _by_place(place, [refusal.receipt for refusal in outcome.refused])
    stored = came - repeated - refused
    off = outcome.applied - stored.total()
    found = {}
    for tp, move in moves.items():
        offsets = move.end - move.old.offset
        counts = EventCounts(stored[tp] + off, repeated[tp], refused[tp], empty=offsets - came[tp])
        found[tp], off = replace(move, counts=counts), 0
    return found


def _by_place(place: Mapping[str, TopicPartition], receipts: Iterable[str]) -> Counter[TopicPartition]:
    return Counter(place[receipt] for receipt in receipts)
