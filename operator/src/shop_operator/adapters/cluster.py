"""The only room that talks to the API server: get, list, server-side apply, delete, by kind and name, as plain dicts.

Everything is applied by force under one field manager, so that what a hand changed is put right. `replicas` of a
Deployment is applied by a second manager and never by the first: a manager that stops to name a field resets it to
its default, so that handing the number of pods over to an autoscaler would first take all pods but one away.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from shop_operator import metrics
from shop_operator.adapters.watch_cache import Absent, Gone, Heard, Mirror, Source, change_of
from shop_operator.decisions import drift
from shop_operator.decisions.drift import MANAGER, REPAIR

Manifest = dict[str, Any]
TIMEOUT = (3.0, 20.0)
# A watch is opened anew by the server after a while; one that is silent for longer than a bookmark takes has died.
_WATCH_SECONDS, _SILENCE = 290, 150.0
# An object that is as it was applied is applied again so seldom: for what no watch can tell.
_AGAIN_SECONDS = 300.0
_SECRET_SECONDS = 8.0
_CONNECTIONS = 128
# Asked for each time: few, or not ours to watch.
_ASKED = ("Event", "Lease", "Secret")
_OURS = ("Shop", "ShopConsumer")
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


@dataclass(frozen=True)
class _Applied:
    """What was applied last: digests of what was wanted and of what came of it, when, and whose it is."""

    wanted: str
    after: str
    at: float
    owner: tuple[str, str]


class Cluster:
    """Requests to one API server. Safe to use from several threads.

    With `mirrored`, objects that are watched are answered from memory: what is returned must not be changed.
    """

    def __init__(self, api: Any) -> None:
        self._api = api
        self._applied: dict[tuple[str, str, str], _Applied] = {}
        self._lock = threading.Lock()
        self._mirrors: dict[tuple[str, str], Mirror] = {}
        self._heard: Heard | None = None
        self._secrets: dict[tuple[str, str], tuple[float, Manifest]] = {}

    def mirrored(self, heard: Heard) -> None:
        """From now on keep what is asked for by a watch, and tell of each change."""
        self._heard = heard

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object, or None where there is none (or no such kind)."""
        if kind == "Secret":
            return self._secret(namespace, name)
        mirror = self._mirror(kind, namespace)
        if mirror is not None and (known := mirror.get(name)) is not None:
            return known
        if kind in _OURS and mirror is not None and mirror.gone(name):
            return None
        live = self._or_none("GET", _path(kind, namespace, name))
        return None if live is None else live | {"kind": kind}

    def list(self, kind: str, namespace: str, selector: str, fields: str = "") -> list[Manifest]:
        """All objects with these labels and fields; none where the kind is not installed."""
        mirror = self._mirror(kind, namespace) if not fields else None
        marks = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        if mirror is not None and (known := mirror.list(marks)) is not None:
            return known
        chosen = {name: value for name, value in (("labelSelector", selector), ("fieldSelector", fields)) if value}
        found = self._or_none("GET", _path(kind, namespace), chosen)
        items: list[Manifest] = found["items"] if found else []
        return [item | {"kind": kind} for item in items]

    def probe(self, kind: str, namespace: str) -> None:
        """May this kind be listed in the namespace? `ClusterError` where not, or where it is not known."""
        self._call("GET", _path(kind, namespace), {"limit": "1"})

    def serves(self, kind: str) -> bool:
        """Does the API server know the kind? False before its CRD is there."""
        version, plural = KINDS[kind]
        with self._lock:
            mirrors = [mirror for (mirrored, _), mirror in self._mirrors.items() if mirrored == kind]
        if any(mirror.synced for mirror in mirrors):
            return True
        if any(mirror.absent for mirror in mirrors):
            return False
        known = self._or_none("GET", "/api/v1" if version == "v1" else f"/apis/{version}")
        return known is not None and any(entry["name"] == plural for entry in known["resources"])

    def apply(self, manifest: Manifest, manager: str = MANAGER, subresource: str = "") -> Manifest:
        """Server-side apply by force; the object as it is then."""
        kind, meta = manifest["kind"], manifest["metadata"]
        path = _path(kind, meta["namespace"], meta["name"]) + (f"/{subresource}" if subresource else "")
        query = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        return self._kept(kind, self._call("PATCH", path, query, manifest, "application/apply-patch+yaml"))

    def ensure(self, manifest: Manifest, *, gone: bool = False) -> tuple[Manifest, bool]:
        """Apply what must be, if it is not so already; returns the object and whether a hand had changed or deleted it
        (`gone`: just made again) since the last time."""
        kind, meta = manifest["kind"], manifest["metadata"]
        key, wanted = (kind, meta["namespace"], meta["name"]), drift.digest(manifest)
        live = self.get(*key)
        known = self._applied.get(key)
        if live is not None:
            _refuse_stranger(manifest, live)
            if not gone and known and known.wanted == wanted and known.after == drift.essence(live) and _fresh(known):
                return live, False
        after = self.apply(manifest)
        if drift.added_to_pods(after):
            template = [{"op": "replace", "path": "/spec/template/spec", "value": manifest["spec"]["template"]["spec"]}]
            after = self.patch(*key, template, REPAIR)
        owner = controller_of(manifest) or {"kind": "", "name": ""}
        with self._lock:
            mark = (owner["kind"], owner["name"])
            self._applied[key] = _Applied(wanted, drift.essence(after), time.monotonic(), mark)
        repaired = known is not None and known.wanted == wanted and (gone or live is None or drift.differs(live, after))
        if repaired:
            metrics.REPAIRS.labels(kind).inc()
        return after, repaired

    def forget(self, kind: str, namespace: str, name: str) -> None:
        """A Shop or ShopConsumer is gone: what was applied for it is remembered no longer."""
        with self._lock:
            gone = [key for key, each in self._applied.items() if key[1] == namespace and each.owner == (kind, name)]
            for key in gone:
                del self._applied[key]

    def patch(self, kind: str, namespace: str, name: str, body: Any, manager: str = MANAGER) -> Manifest:
        """A JSON patch (a list of operations) or a merge patch (an object)."""
        form = "application/json-patch+json" if isinstance(body, list) else "application/merge-patch+json"
        return self._kept(
            kind, self._call("PATCH", _path(kind, namespace, name), {"fieldManager": manager}, body, form)
        )

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
        if (mirror := self._mirrors.get((live["kind"], meta["namespace"]))) is not None:
            mirror.drop(meta["name"])

    def _secret(self, namespace: str, name: str) -> Manifest | None:
        """Secrets are not watched, as that would be a right to all of them. One is asked for each few seconds, however
        many name it, and none is remembered for longer."""
        now, key = time.monotonic(), (namespace, name)
        with self._lock:
            self._secrets = {each: held for each, held in self._secrets.items() if now - held[0] < _SECRET_SECONDS}
            if key in self._secrets:
                return self._secrets[key][1]
        live = self._or_none("GET", _path("Secret", namespace, name))
        if live is not None:
            with self._lock:
                self._secrets[key] = (now, live)
        return live

    def _mirror(self, kind: str, namespace: str) -> Mirror | None:
        if self._heard is None or kind in _ASKED:
            return None
        with self._lock:
            found = self._mirrors.get((kind, namespace))
            if found is None:
                found = Mirror(kind, _Watched(self, kind, namespace), self._heard).start()
                self._mirrors[kind, namespace] = found
            return found

    def _kept(self, kind: str, live: Manifest) -> Manifest:
        """Our own write is known at once, before the watch tells of it."""
        mirror = self._mirrors.get((kind, live["metadata"].get("namespace", "")))
        if mirror is not None and mirror.synced:
            mirror.put(live)
        return live | {"kind": kind}

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
        answer = self.send(method, path, query, body, form)
        content = answer.read()
        if not 200 <= answer.status <= 299:
            raise ClusterError(answer.status, _sentence(content) or f"{method} {path} was answered {answer.status}")
        parsed: Manifest = json.loads(content)
        return parsed

    def send(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        form: str = "application/json",
        timeout: tuple[float, float] = TIMEOUT,
    ) -> Any:
        """One request; its answer unread."""
        headers = {"Accept": "application/json", "Content-Type": form}
        try:
            request = self._api.param_serialize(
                method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            url = request[1] + (f"?{urlencode(query)}" if query else "")
            return self._api.call_api(method, url, request[2], body, _request_timeout=timeout)
        except ApiException as error:
            raise ClusterError(error.status or 0, _sentence(error.body) or str(error.reason)) from error
        except (HTTPError, OSError) as error:
            raise ClusterError(0, f"the API server does not answer ({type(error).__name__})") from error


class _Watched(Source):
    """The list and the watch of one kind; of what we make only what is ours."""

    def __init__(self, cluster: Cluster, kind: str, namespace: str) -> None:
        self._cluster, self._path = cluster, _path(kind, namespace)
        self._chosen = {} if kind in _OURS else {"labelSelector": f"app.kubernetes.io/managed-by={MANAGER}"}

    def listed(self) -> tuple[list[Manifest], str]:
        answer = self._cluster.send("GET", self._path, self._chosen)
        content = answer.read()
        if answer.status == 404:
            raise Absent(self._path)
        if answer.status != 200:
            raise ClusterError(answer.status, _sentence(content))
        found = json.loads(content)
        return found["items"], found["metadata"]["resourceVersion"]

    def watched(self, version: str) -> Iterator[Manifest]:
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(_WATCH_SECONDS)}
        query |= {"resourceVersion": version} | self._chosen
        answer = self._cluster.send("GET", self._path, query, timeout=(TIMEOUT[0], _SILENCE))
        if answer.status != 200:
            raise Gone(self._path)
        rest = b""
        for part in answer.response.stream(65536):
            *lines, rest = (rest + part).split(b"\n")
            yield from (change_of(line) for line in lines if line.strip())


def connect() -> Cluster:
    """From inside a pod by its ServiceAccount, elsewhere by KUBECONFIG."""
    try:
        config.load_incluster_config()
    except config.ConfigException:
        config.load_kube_config()
    made = client.ApiClient()
    # A connection for each watch and each thread that looks.
    made.configuration.connection_pool_maxsize = _CONNECTIONS
    return Cluster(client.ApiClient(made.configuration))


def _fresh(known: _Applied) -> bool:
    return time.monotonic() - known.at < _AGAIN_SECONDS


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
