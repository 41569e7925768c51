"""`shopctl trace`: the way of one event, from the door to what became of it; the same as cm-ops tells over HTTP."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial

import msgspec

from shop_core.errors import ConfigError
from shop_core.following import follow
from shop_core.following.fates import fate_of
from shop_core.mongo import client
from shop_core.responses.traces import LookedAt, Trace, TracedEvent
from shopctl.target import target_of
from shopctl.terminal import as_json, escaped

NOT_FOUND = 3


def run(options: argparse.Namespace) -> int:
    """0 when it was found, 3 where it is not among those that were looked at."""
    if sum(each is not None for each in (options.receipt, options.id, options.request_id)) != 1:
        raise ConfigError("Name one event by its receipt, or by --id or --request-id.")
    target = target_of(options.state_dir)
    target.tell()
    fate = partial(fate_of, client.connect(target.mongo, "shopctl-trace"))
    if options.receipt is not None:
        found = follow.by_receipt(target.kafka, fate, options.receipt)
    else:
        wanted = follow.by_id(options.id) if options.id is not None else follow.by_request(options.request_id)
        found = follow.search(target.kafka, fate, wanted)
    if options.json:
        print(as_json(msgspec.to_builtins(found)))
    else:
        for line in lines(found):
            print(escaped(line))
        if found.looked_at is not None:
            print(f"shopctl: {looked(found.looked_at, found=bool(found.events))}", file=sys.stderr)
    return 0 if found.events else NOT_FOUND


def lines(found: Trace) -> Iterator[str]:
    """As a person reads it."""
    for event in found.events:
        yield from _event(event)
    if found.more:
        yield f"and {found.more} older"


def _event(event: TracedEvent) -> Iterator[str]:
    yield f"{event.receipt}  {event.domain}  {event.type or '-'}  {event.state}"
    for name, told in (("id", event.id), ("request", event.request_id), ("trace", event.trace_id)):
        yield f"  {name:<8} {told or '-'}"
    for step in event.steps:
        yield f"  {step.at or '-':<28} {step.name:<12} {step.about}"


def looked(at: LookedAt, *, found: bool) -> str:
    """How far, where no index tells."""
    since = f" since {at.since}" if at.since else ""
    far = f"all {at.events} events of the log" if at.whole else f"the newest {at.events} events{since}"
    unread = f"; {', '.join(at.unread)} can't be read" if at.unread else ""
    return f"{'looked through' if found else 'not found in'} {far}{unread}"
