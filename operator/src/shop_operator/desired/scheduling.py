"""Where pods run and what they are labelled with: `pods` of the whole Shop, of a part, of a ShopConsumer. Pure."""

from __future__ import annotations

import copy

from shop_operator.desired.base import Manifest

# Taken into a pod's spec as they are said.
_FIELDS = (
    "nodeSelector",
    "tolerations",
    "affinity",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "hostAliases",
    "dnsConfig",
)


def merged(*levels: Manifest | None) -> Manifest:
    """The nearest level last: maps are merged, of lists and words the nearest that is said counts."""
    found: Manifest = {}
    for level in levels:
        found = _merged(found, level or {})
    return found


def _merged(one: Manifest, other: Manifest) -> Manifest:
    made = copy.deepcopy(one)
    for name, value in other.items():
        both = isinstance(value, dict) and isinstance(made.get(name), dict)
        made[name] = _merged(made[name], value) if both else copy.deepcopy(value)
    return made


def fields(settings: Manifest, beside: dict[str, str]) -> Manifest:
    """Parts of a pod's spec. `beside` are the labels of the pods that it is spread among, if it is."""
    found = {name: settings[name] for name in _FIELDS if settings.get(name)}
    if spread := _spread(settings, beside):
        found["topologySpreadConstraints"] = spread
    return found


def _spread(settings: Manifest, beside: dict[str, str]) -> list[Manifest]:
    own = {"labelSelector": {"matchLabels": beside}}
    if said := settings.get("topologySpreadConstraints"):
        return [own | each for each in said] if beside else list(said)
    if not beside:
        return []
    keys = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    return [{"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway"} | own for key in keys]


def metadata(settings: Manifest, marks: dict[str, str]) -> Manifest:
    """Of a pod template; our own labels count before all others, and no pod may pass for one of a Gateway."""
    said = {name: value for name, value in settings.get("podLabels", {}).items() if "k8s.io/" not in name}
    made: Manifest = {"labels": said | marks}
    if noted := settings.get("podAnnotations"):
        made["annotations"] = dict(noted)
    return made
