"""Why, pin, unpin and record, of one ShopConsumer."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from shopctl.scale.history import HEADER, Row
from shopctl.scale.kubectl import Kubectl, Manifest
from shopctl.terminal import escaped

_PINNED = "pinned: `shopctl scale unpin {}` gives it back to the lag"


def why(options: argparse.Namespace) -> int:
    """The rule that decides, what it was decided by, and what stands in the way."""
    body = Kubectl(options).consumer(options.name)
    print("\n".join(escaped(line) for line in explained(body)))
    return 0


def pin(options: argparse.Namespace) -> int:
    said = Kubectl(options).run("scale", f"shopconsumer/{options.name}", f"--replicas={options.replicas}")
    print(escaped(said.strip()), f"\n{_PINNED.format(options.name)}", sep="")
    return 0


def unpin(options: argparse.Namespace) -> int:
    patch = '{"spec":{"replicas":null}}'
    print(
        escaped(Kubectl(options).run("patch", "shopconsumer", options.name, "--type=merge", f"--patch={patch}").strip())
    )
    return 0


def record(options: argparse.Namespace) -> int:
    """Rows on stdout, each as soon as it is known, for `simulate`."""
    kubectl, ends = Kubectl(options), time.monotonic() + options.seconds
    print(HEADER, flush=True)
    while True:
        row = row_of(kubectl.consumer(options.name), time.time())
        if row is None:
            print("shopctl: the operator does not see the group now (see `shopctl scale why`)", file=sys.stderr)
        else:
            print(row.line, flush=True)
        if time.monotonic() + options.every > ends:
            return 0
        time.sleep(options.every)


def explained(body: Manifest) -> Iterator[str]:
    """One ShopConsumer in lines."""
    spec, status = body["spec"], body.get("status", {})
    yield f"{body['metadata']['name']}: {status.get('reason', 'the operator has not looked at it yet')}"
    asked, ready = status.get("wanted", "-"), status.get("readyReplicas", 0)
    yield f"mode       {status.get('mode', '-')}"
    yield f"pods       {ready} ready, {asked} asked for, {status.get('needed', '-')} by the rule; {_bounds(spec)}"
    yield f"lag        {status.get('lag', '-')} events in {status.get('partitions', '-')} partitions of {spec['topic']}"
    yield f"delay      {status.get('delay', '-')} since the oldest event that is not stored{_late(spec)}"
    yield f"drain      {status.get('drain', '-')}"
    yield f"threshold  {status.get('lagThreshold', '-')} events a pod ({_threshold(spec, status)})"
    for entry in status.get("conditions", []):
        if (entry["status"] == "True") != (entry["type"] == "Ready"):
            yield f"{entry['type']}: {entry['status']}, {entry['reason']}: {entry['message']}"


def row_of(body: Manifest, now: float) -> Row | None:
    """A row of a history; None while the operator does not see the group."""
    status = body.get("status", {})
    if "lag" not in status or "committed" not in status:
        return None
    committed = sum(max(0, offset) for offset in status["committed"])
    return Row(round(now, 1), committed + status["lag"], committed, status.get("readyReplicas", 0))


def _late(spec: Manifest) -> str:
    return f" (maxDelay {spec['maxDelay']})" if "maxDelay" in spec else ""


def _bounds(spec: Manifest) -> str:
    pinned = f", pinned at {spec['replicas']}" if spec.get("replicas") is not None else ""
    return f"{spec['minReplicas']} to {spec['maxReplicas']}{pinned}"


def _threshold(spec: Manifest, status: Manifest) -> str:
    if "lagThreshold" in spec:
        return "spec.lagThreshold"
    rate = (
        f"{status['ratePerPod']:g} events a second and pod measured" if "ratePerPod" in status else "not yet measured"
    )
    return f"drainWithin {spec['drainWithin']}, {rate}"
