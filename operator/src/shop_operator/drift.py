"""What a hand has changed in an object that the operator keeps. Pure.

Server-side apply puts right what we name; it leaves what others have added. In a pod that is a difference that
matters (a variable, a container), so it is taken out again. `kubectl rollout restart` is an annotation of the
template, and stays.
"""

from __future__ import annotations

import json
from typing import Any

Manifest = dict[str, Any]
MANAGER = "shop-operator"
SCALER = "shop-operator-scale"
REPAIR = "shop-operator-repair"


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
    return _essence(before) != _essence(after)


def _essence(live: Manifest) -> str:
    meta, spec = live["metadata"], live.get("spec")
    if live["kind"] == "Deployment" and isinstance(spec, dict):
        spec = {name: value for name, value in spec.items() if name != "replicas"}
    kept = {
        name: value
        for name, value in meta.get("annotations", {}).items()
        if not name.startswith("deployment.kubernetes.io/")  # counted by a controller
    }
    return json.dumps([spec, live.get("data"), meta.get("labels"), kept], sort_keys=True)
