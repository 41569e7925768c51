"""The columns of a ShopConsumer's status, as `kubectl get` shows them. Pure."""

from __future__ import annotations

from typing import Any

from shop_operator.decisions import offsets
from shop_operator.decisions.conditions import Condition
from shop_operator.desired import consumer
from shop_operator.desired.base import text
from shop_runtime.scaling.group_state import Observation
from shop_runtime.scaling.rule import Decision
from shop_runtime.scaling.speed import Speed

Manifest = dict[str, Any]
# What is not ready for a moment is told by the rule that decides; anything else is the cause to see first.
QUIET = ("RollingOut", "DeploymentMissing", "Draining", "Waiting")
# Kept while Kafka does not answer.
_KEPT = ("partitions", "topicId", "committed")


def columns(
    body: Manifest, live: Manifest | None, seen: Observation | None, decision: Decision, threshold: int, speed: Speed
) -> Manifest:
    """All but the conditions."""
    have, asked = (live or {}).get("status", {}), asked_for(live)
    found: Manifest = {
        "replicas": have.get("replicas", 0),
        "readyReplicas": have.get("readyReplicas", 0),
        "selector": text(consumer.selector(body)),
        "lagThreshold": threshold,
        "drain": "-",
        "mode": decision.mode,
        "reason": _rule(body["spec"], decision, asked),
    }
    if asked is not None:
        found["wanted"] = asked
    if decision.wanted is not None:
        found["needed"] = decision.wanted
    if speed.per_pod is not None:
        found["ratePerPod"] = float(f"{speed.per_pod:.2g}")
    before = body.get("status", {})
    if seen is None:
        return found | {name: before[name] for name in _KEPT if name in before}
    found |= {"lag": seen.lag, "partitions": len(seen.partitions), "drain": speed.drain(seen.lag)}
    return found | {"topicId": seen.topic_id, "committed": offsets.remembered(seen, offsets.known(before))}


def shown_reason(rule: str, ready: Condition) -> str:
    """The column REASON: the rule, or the cause where the consumer is not ready."""
    return rule if ready.holds or ready.reason in QUIET else f"{ready.reason}: {ready.message}"[:400]


def asked_for(live: Manifest | None) -> int | None:
    """Pods that the Deployment is asked for; None without one."""
    found: int | None = live["spec"].get("replicas") if live else None
    return found


def partitions(body: Manifest, seen: Observation | None) -> int | None:
    """As they are seen, or as they were last; None while they never were."""
    known: int | None = len(seen.partitions) if seen else body.get("status", {}).get("partitions")
    return known


def pods(count: int) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"


def _rule(spec: Manifest, decision: Decision, asked: int | None) -> str:
    if asked is None or decision.mode != "Auto" or decision.wanted is None or asked == decision.wanted:
        return decision.reason
    if asked > decision.wanted:
        return f"{decision.reason}, " + (
            "but scaling in is paused" if spec.get("pauseScaleIn") else "after the cooldown"
        )
    return f"{decision.reason}, but scaling out is paused" if spec.get("pauseScaleOut") else decision.reason
