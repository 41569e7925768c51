"""What an erasure takes: of what a user's own events made, that which came from the erasure's own partition before it.

Every stored fact knows the partition that told it, as `partition`. So what a partition's log comes to depends on that
log alone, whatever the consumers of the others do meanwhile. Facts from before that was noted are anybody's.
"""

from __future__ import annotations

from collections.abc import Sequence

from shop_core.events.envelope import Event
from shop_core.events.people import USER_ERASED
from shop_core.mongo.client import Document

Partitions = frozenset[int] | None
"""None: all of them."""


def takes(erasure: Event, fact: Document) -> bool:
    """Whether a fact about the erased user goes."""
    return not erasure.everywhere or fact.get("partition") in (erasure.place[0], None)


def by_user(erasing: Sequence[Event]) -> dict[str, Partitions]:
    """Who is erased, and in which partitions."""
    found: dict[str, Partitions] = {}
    for each in erasing:
        known = found.get(each.data.userid, frozenset())
        found[each.data.userid] = known | {each.place[0]} if each.everywhere and known is not None else None
    return found


def told_in(partitions: Partitions) -> Document:
    """The filter for the facts that go."""
    return {} if partitions is None else {"partition": {"$in": [*sorted(partitions), None]}}


def in_stages(events: Sequence[Event]) -> list[tuple[list[Event], list[Event]]]:
    """(erasures, others) to be applied one after the other, so that each partition's events keep their order.

    Partitions have no order between them, so the copies of one erasure, one in each, cut a batch once.
    """
    stages: list[tuple[list[Event], list[Event]]] = [([], [])]
    at: dict[int, int] = {}  # by partition, the stage of its next event
    told: set[int] = set()  # the partitions that have other events in that stage
    for event in events:
        partition = event.place[0]
        if event.type == USER_ERASED:
            if partition in told:
                at[partition] = at.get(partition, 0) + 1
                told.remove(partition)
                if at[partition] == len(stages):
                    stages.append(([], []))
            stages[at.get(partition, 0)][0].append(event)
        else:
            stages[at.get(partition, 0)][1].append(event)
            told.add(partition)
    return stages


def person_in(event: Event) -> str:
    """The id of the user whom an event is about; empty where it is about nobody."""
    return str(getattr(event.data, "userid", "") or getattr(event.data, "user", ""))
