"""Do the pods follow what was decided? KEDA and the HPA scale; when they do not, somebody has to say so. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shop_operator.decisions.conditions import Condition, condition
from shop_operator.desired.scaler import HELD, PAUSED, SCALE_IN, SCALE_OUT
from shop_runtime.scaling.rule import DRY, Decision, tolerated

Manifest = dict[str, Any]
KIND = "NotScaling"
# KEDA's own annotations; each keeps the pods as they are.
_PAUSES = (HELD, SCALE_IN, SCALE_OUT)
_PATIENCE = 60.0


@dataclass
class Gap:
    """How long the pods have not followed, in one direction and without a step; kept between looks."""

    side: int = 0
    asked: int = -1
    since: float = 0.0

    def lasts(self, now: float, wanted: int, asked: int) -> float:
        """Seconds; 0 while there is no gap."""
        side = 0 if tolerated(wanted, asked) else (1 if wanted > asked else -1)
        if side != self.side or asked != self.asked:
            self.side, self.asked, self.since = side, asked, now
        return now - self.since if side else 0.0


def bound(spec: Manifest, gap: Gap) -> float:
    """Within what time the pods must follow: at once upwards, after the cooldowns downwards."""
    up = float(spec["pollingInterval"]) + _PATIENCE
    return up if gap.side > 0 else up + 2.0 * float(spec["cooldownPeriod"])


def not_scaling(
    spec: Manifest, lasts: float, gap: Gap, wanted: int | None, scaled_object: Manifest | None, hpa: Manifest | None
) -> Condition:
    """The condition of a ShopConsumer that KEDA is to scale."""
    paused = _paused(spec, scaled_object)
    if paused:
        return condition(KIND, True, "Paused", paused)
    if (gap.side < 0 and spec.get("pauseScaleIn")) or (gap.side > 0 and spec.get("pauseScaleOut")):
        return condition(KIND, False, "PausedBySpec", "That direction is paused by spec.pauseScaleIn or pauseScaleOut.")
    if wanted is None or not gap.side or lasts <= bound(spec, gap):
        return condition(KIND, False, "Fine", "The pods follow the lag.")
    said = f"{wanted} pods are needed, {gap.asked} are asked for, for {lasts:.0f} s"
    if refused := _failing(hpa):
        return condition(KIND, True, "HpaFailing", f"{said}: HorizontalPodAutoscaler {_name(hpa)}: {refused}")
    text = (
        f"{said}: KEDA does not act. Is keda-operator running (kubectl get pods -n keda), does it reach Kafka (kubectl"
        f" describe scaledobject {_name(scaled_object)}), and does it watch this namespace?"
    )
    return condition(KIND, True, "KedaNotResponding", text)


def autoscaler(tier: str, hpa: Manifest | None, age: float) -> str:
    """What keeps a tier's autoscaler from acting for longer than a start takes, '' for nothing."""
    refused = _failing(hpa)
    return (
        f"HorizontalPodAutoscaler {_name(hpa)} does not scale {tier}: {refused}" if refused and age > _PATIENCE else ""
    )


def failing_since(hpa: Manifest | None) -> str:
    """The time at which the failing condition of an autoscaler began; '' where none fails."""
    bad = _bad(hpa)
    return str(bad.get("lastTransitionTime", "")) if bad else ""


def fallen_back(spec: Manifest, scaled_object: Manifest | None) -> Decision | None:
    """KEDA can't read the lag, and asks for what spec.fallback says."""
    said = (scaled_object or {}).get("status", {}).get("conditions", [])
    away = any(entry["type"] == "Fallback" and entry["status"] == "True" for entry in said)
    if not away or "fallback" not in spec or spec.get("replicas") is not None or spec.get("mode") == DRY:
        return None
    number, behavior = spec["fallback"]["replicas"], spec["fallback"].get("behavior", "static")
    return Decision(None, "Waiting", f"KEDA cannot read the lag: fallback to {number} pods ({behavior})")


def _paused(spec: Manifest, scaled_object: Manifest | None) -> str:
    if scaled_object is None:
        return ""
    meta = scaled_object["metadata"]
    marks = meta.get("annotations") or {}
    for name in _PAUSES:
        if name in marks and str(marks[name]).lower() != "false" and not _asked_for(spec, name):
            undo = f"kubectl annotate scaledobject {meta['name']} {name}-"
            return f"ScaledObject {meta['name']} is paused by its annotation {name}: {undo}"
    said = scaled_object.get("status", {}).get("conditions", [])
    held = any(entry["type"] == "Paused" and entry["status"] == "True" for entry in said)
    return f"KEDA says that ScaledObject {meta['name']} is paused." if held and PAUSED not in marks else ""


def _asked_for(spec: Manifest, mark: str) -> bool:
    return bool((mark == SCALE_IN and spec.get("pauseScaleIn")) or (mark == SCALE_OUT and spec.get("pauseScaleOut")))


def _bad(hpa: Manifest | None) -> Manifest | None:
    for entry in (hpa or {}).get("status", {}).get("conditions", []):
        # ScalingDisabled: a target of 0 pods, which KEDA alone wakes.
        known = entry["type"] in ("AbleToScale", "ScalingActive") and entry.get("reason") != "ScalingDisabled"
        if known and entry["status"] == "False":
            found: Manifest = entry
            return found
    return None


def _failing(hpa: Manifest | None) -> str:
    bad = _bad(hpa)
    return f"{bad.get('reason', '')}: {bad.get('message', '')}" if bad else ""


def _name(live: Manifest | None) -> str:
    return str(live["metadata"]["name"]) if live else "(none)"
