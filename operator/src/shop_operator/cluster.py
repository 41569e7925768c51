"""The only room that talks to the API server: get, list, server-side apply, delete, by kind and name, as plain dicts.

Everything is applied by force under one field manager, so that what a hand changed is put right. `replicas` of a
Deployment is applied by a second manager and never by the first: a manager that stops to name a field resets it to
its default, so that handing the number of pods over to an autoscaler would first take all pods but one away.
"""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import quote, urlencode

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from shop_operator import drift, metrics
from shop_operator.drift import MANAGER, REPAIR

Manifest = dict[str, Any]
TIMEOUT = (3, 20)
# Kind → (API group and version, plural). What is not here, the operator can't touch.
KINDS = {
    "Deployment": ("apps/v1", "deployments"),
    "Event": ("v1", "events"),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "httproutes"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
    "Ingress": ("networking.k8s.io/v1", "ingresses"),
    "Job": ("batch/v1", "jobs"),
    "Lease": ("coordination.k8s.io/v1", "leases"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "Pod": ("v1", "pods"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "ScaledObject": ("keda.sh/v1alpha1", "scaledobjects"),
    "Secret": ("v1", "secrets"),
    "Service": ("v1", "services"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "Shop": ("scalable-shop.dev/v1alpha1", "shops"),
    "ShopConsumer": ("scalable-shop.dev/v1alpha1", "shopconsumers"),
    "TriggerAuthentication": ("keda.sh/v1alpha1", "triggerauthentications"),
}


class ClusterError(Exception):
    """The API server refused or did not answer; the message is its own sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Cluster:
    """Requests to one API server. Safe to use from several threads."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self._applied: dict[tuple[str, str, str], str] = {}
        self._lock = threading.Lock()

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object, or None where there is none (or no such kind)."""
        return self._or_none("GET", _path(kind, namespace, name))

    def list(self, kind: str, namespace: str, selector: str, fields: str = "") -> list[Manifest]:
        """All objects with these labels and fields; none where the kind is not installed."""
        chosen = {name: value for name, value in (("labelSelector", selector), ("fieldSelector", fields)) if value}
        found = self._or_none("GET", _path(kind, namespace), chosen)
        items: list[Manifest] = found["items"] if found else []
        return [item | {"kind": kind} for item in items]

    def serves(self, kind: str) -> bool:
        """Does the API server know the kind? False before its CRD is there."""
        version, plural = KINDS[kind]
        known = self._or_none("GET", "/api/v1" if version == "v1" else f"/apis/{version}")
        return known is not None and any(entry["name"] == plural for entry in known["resources"])

    def apply(self, manifest: Manifest, manager: str = MANAGER, subresource: str = "") -> Manifest:
        """Server-side apply by force; the object as it is then."""
        kind, meta = manifest["kind"], manifest["metadata"]
        path = _path(kind, meta["namespace"], meta["name"]) + (f"/{subresource}" if subresource else "")
        query = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        return self._call("PATCH", path, query, manifest, "application/apply-patch+yaml")

    def keep(self, manifest: Manifest, *, gone: bool = False) -> tuple[Manifest, bool]:
        """Apply what must be; returns the object and whether a hand had changed or deleted it (`gone`: just made again)
        since the last time."""
        kind, meta = manifest["kind"], manifest["metadata"]
        live = self.get(kind, meta["namespace"], meta["name"])
        if live is not None:
            _refuse_stranger(manifest, live)
        after = self.apply(manifest)
        if drift.added_to_pods(after):
            template = [{"op": "replace", "path": "/spec/template/spec", "value": manifest["spec"]["template"]["spec"]}]
            after = self.patch(kind, meta["namespace"], meta["name"], template, REPAIR)
        key, wanted = (kind, meta["namespace"], meta["name"]), json.dumps(manifest, sort_keys=True)
        with self._lock:
            known, self._applied[key] = self._applied.get(key) == wanted, wanted
        repaired = known and (gone or live is None or drift.differs(live, after))
        if repaired:
            metrics.REPAIRS.labels(kind).inc()
        return after, repaired

    def patch(self, kind: str, namespace: str, name: str, body: Any, manager: str = MANAGER) -> Manifest:
        """A JSON patch (a list of operations) or a merge patch (an object)."""
        form = "application/json-patch+json" if isinstance(body, list) else "application/merge-patch+json"
        return self._call("PATCH", _path(kind, namespace, name), {"fieldManager": manager}, body, form)

    def create(self, manifest: Manifest) -> Manifest:
        """POST; `ClusterError` 409 where the name is taken."""
        path = _path(manifest["kind"], manifest["metadata"]["namespace"])
        return self._call("POST", path, {"fieldManager": MANAGER}, manifest)

    def replace(self, manifest: Manifest) -> Manifest:
        """PUT; `ClusterError` 409 where somebody else wrote since the object was read."""
        meta = manifest["metadata"]
        path = _path(manifest["kind"], meta["namespace"], meta["name"])
        return self._call("PUT", path, {"fieldManager": MANAGER}, manifest)

    def delete(self, live: Manifest) -> None:
        """Delete exactly this object, its dependents in the background; nothing where it is gone already."""
        meta = live["metadata"]
        body = {"propagationPolicy": "Background", "preconditions": {"uid": meta["uid"]}}
        self._or_none("DELETE", _path(live["kind"], meta["namespace"], meta["name"]), None, body)

    def _or_none(
        self, method: str, path: str, query: dict[str, str] | None = None, body: Any = None
    ) -> Manifest | None:
        try:
            return self._call(method, path, query, body)
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    def _call(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        form: str = "application/json",
    ) -> Manifest:
        headers = {"Accept": "application/json", "Content-Type": form}
        try:
            request = self._api.param_serialize(
                method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            url = request[1] + (f"?{urlencode(query)}" if query else "")
            answer = self._api.call_api(method, url, request[2], body, _request_timeout=TIMEOUT)
            content = answer.read()
        except ApiException as error:
            raise ClusterError(error.status or 0, _sentence(error.body) or str(error.reason)) from error
        except (HTTPError, OSError) as error:
            raise ClusterError(0, f"the API server does not answer ({type(error).__name__})") from error
        if not 200 <= answer.status <= 299:
            raise ClusterError(answer.status, _sentence(content) or f"{method} {path} was answered {answer.status}")
        parsed: Manifest = json.loads(content)
        return parsed


def connect() -> Cluster:
    """From inside a pod by its ServiceAccount, elsewhere by KUBECONFIG."""
    try:
        config.load_incluster_config()
    except config.ConfigException:
        config.load_kube_config()
    return Cluster(client.ApiClient())


def controller_of(live: Manifest) -> Manifest | None:
    """Who owns an object, None for nobody."""
    references: list[Manifest] = live["metadata"].get("ownerReferences", [])
    return next((reference for reference in references if reference.get("controller")), None)


def _refuse_stranger(manifest: Manifest, live: Manifest) -> None:
    ours, theirs = controller_of(manifest), controller_of(live)
    if ours is None or (theirs is not None and theirs["uid"] == ours["uid"]):
        return
    if manifest["kind"] == "ShopConsumer":
        raise ClusterError(409, _domain_taken(manifest["metadata"]["name"], theirs))
    whose = f"belongs to {theirs['kind']} {theirs['name']}" if theirs else "was not made by the operator"
    place = f"{manifest['kind']} {manifest['metadata']['name']}"
    raise ClusterError(
        409, f"{place} is there already and {whose}: delete it, or give this {ours['kind']} another name."
    )


def _domain_taken(domain: str, theirs: Manifest | None) -> str:
    """A domain's consumer has the domain's name, whatever the Shop is called."""
    if theirs is not None and theirs["kind"] == "Shop":
        return (
            f"Shop {theirs['name']} has the domain {domain} already, and two Shops of one namespace cannot both have"
            f" the domain {domain}: move one of them to a namespace of its own, or take the domain out of one."
        )
    return (
        f"ShopConsumer {domain} is there already and was not made by the operator, and the consumer of a domain has the"
        " domain's name: make that one anew under another name, and delete it."
    )


def _path(kind: str, namespace: str, name: str = "") -> str:
    version, plural = KINDS[kind]
    root = "/api/v1" if version == "v1" else f"/apis/{version}"
    return f"{root}/namespaces/{quote(namespace)}/{plural}" + (f"/{quote(name)}" if name else "")


def _sentence(body: Any) -> str:
    try:
        return str(json.loads(body)["message"])
    except (TypeError, ValueError, KeyError):
        return ""
