"""What a hand has changed in an object that the operator keeps. Pure.

Server-side apply puts right what we name; it leaves what others have added. In a pod that is a difference that
matters (a variable, a container), so it is taken out again. `kubectl rollout restart` is an annotation of the
template, and stays.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

Manifest = dict[str, Any]
MANAGER = "shop-operator"
SCALER = "shop-operator-scale"
REPAIR = "shop-operator-repair"
_OUTSIDE = ("apiVersion", "kind", "metadata", "status")


def added_to_pods(live: Manifest) -> bool:
    """Has anyone but the operator put something into the pods of a Deployment?"""
    if live["kind"] != "Deployment":
        return False
    for entry in live["metadata"].get("managedFields", []):
        if entry["manager"] in (MANAGER, SCALER, REPAIR) or entry.get("subresource"):
            continue
        fields = entry.get("fieldsV1", {})
        if "f:spec" in fields.get("f:spec", {}).get("f:template", {}):
            return True
    return False


def differs(before: Manifest, after: Manifest) -> bool:
    """Did putting it right change anything that a hand can change?"""
    return essence(before) != essence(after)


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def essence(live: Manifest) -> str:
    """A digest of all that a hand can change; the number of pods is no drift."""
    meta, rest = live["metadata"], {name: value for name, value in live.items() if name not in _OUTSIDE}
    if live["kind"] == "Deployment" and isinstance(rest.get("spec"), dict):
        rest["spec"] = {name: value for name, value in rest["spec"].items() if name != "replicas"}
    kept = {
        name: value
        for name, value in (meta.get("annotations") or {}).items()
        if not name.startswith("deployment.kubernetes.io/")  # counted by a controller
    }
    return digest([rest, meta.get("labels"), kept])
