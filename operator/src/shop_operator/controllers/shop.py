"""One look at a Shop: its tiers, the door, policies, indexes, and a ShopConsumer for each domain."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from shop_operator import metrics
from shop_operator.adapters.campaigns_api import UNSEEN, Campaigns, unseen
from shop_operator.adapters.certificates import Certificates
from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest, controller_of
from shop_operator.adapters.dependencies import Dependencies, unavailable
from shop_operator.adapters.pod_start_causes import Causes
from shop_operator.controllers import finalizers
from shop_operator.controllers.deployments import deploy
from shop_operator.controllers.status_writer import Reporter
from shop_operator.decisions import scaling_progress, warm_up
from shop_operator.decisions.conditions import Condition, condition, rollout
from shop_operator.desired import credentials, http_services, index_job, policies, shop_consumers
from shop_operator.desired.base import MANAGED_BY, selector, text
from shop_operator.desired.http_services import Tier
from shop_operator.desired.ingress import door

log = logging.getLogger(__name__)
KIND = "Shop"
# What a Shop may have made at another time and no longer wants. ShopConsumers last, as they may wait for their lag.
PRUNED = (
    "Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "Service",
    "Deployment", "ServiceAccount", "Job", "ShopConsumer",
)  # fmt: skip


@dataclass(frozen=True)
class _Parts:
    """What one look has found of a Shop's parts."""

    tiers: Mapping[str, Manifest] = field(default_factory=dict)
    job: Manifest | None = None
    refusal: str = ""


class Shops:
    """Keeps every Shop."""

    def __init__(
        self,
        cluster: Cluster,
        reporter: Reporter,
        campaigns: Campaigns,
        dependencies: Dependencies,
        families: list[str] | None = None,
        home: str = "",
    ) -> None:
        self._cluster, self._reporter, self._campaigns = cluster, reporter, campaigns
        self._dependencies, self._home = dependencies, {"ipFamilies": families or ["IPv4"], "operatorNamespace": home}
        self._causes = Causes(cluster)
        self._certificates = Certificates(cluster)
        self._pruned: dict[tuple[str, str], tuple[str, set[tuple[str, str]]]] = {}

    def reconcile(self, namespace: str, name: str) -> bool:
        """Bring one Shop to what it asks for; False when it is gone."""
        body = self._cluster.get(KIND, namespace, name)
        if body is None:
            metrics.forget(KIND, namespace, name)
            self._certificates.forget(namespace, name)
            self._cluster.forget(KIND, namespace, name)
            self._pruned.pop((namespace, name), None)
            return False
        if finalizers.held(body):
            finalizers.release(self._cluster, body)
        elif "deletionTimestamp" not in body["metadata"]:
            body = self._at_home(body)
            if finalizers.drain_asked(body):
                self._drain(body)
            else:
                self._keep(body)
        return True

    def _at_home(self, body: Manifest) -> Manifest:
        """With where the operator is. Unless the Shop says otherwise, its pods have addresses as the operator's has."""
        network = self._home | body["spec"].get("network", {})
        return body | {"spec": body["spec"] | {"network": network}}

    def _keep(self, body: Manifest) -> None:
        tiers = http_services.tiers(body)
        parts, warm = _Parts(), self._warm_up(body)
        try:
            for wanted in self._around(body, tiers):
                self._kept(body, wanted)
            job = self._indexes(body)
            parts = _Parts(job=job)
            parts = _Parts({tier.name: self._tier(body, tier) for tier in tiers}, job)
            if index_job.done(job):
                for wanted in shop_consumers.consumers(body, warm):
                    self._kept(body, wanted)
            self._certificates.check(body)
            self._prune(body, tiers)
        except ClusterError as error:
            parts = replace(parts, refusal=_explained(error))
            log.warning("apply_refused", extra={"resource": body["metadata"]["name"], "error": str(error)})
        self._report(body, parts, warm)

    def _warm_up(self, body: Manifest) -> Manifest | None:
        """What is warm by now; its beginning and its end are told."""
        meta, before = body["metadata"], body.get("status", {}).get("warmUp")
        told = self._campaigns.latest(meta["namespace"], meta["name"])
        warm = warm_up.decide(body["spec"].get("campaignWarmUp"), told, before, datetime.now(UTC))
        if event := warm_up.news(before, warm):
            self._reporter.event(body, *event)
        metrics.WARM.labels(meta["namespace"], meta["name"]).set(warm is not None)
        return warm

    def _around(self, body: Manifest, tiers: Sequence[Tier]) -> list[Manifest]:
        """All but Deployments, the Job and the consumers."""
        made = [entry for tier in tiers for entry in http_services.companions(body, tier)]
        return [*made, shop_consumers.service_account(body), *policies.policies(body), *door(body)]

    def _kept(self, body: Manifest, wanted: Manifest) -> Manifest:
        live, repaired = self._cluster.ensure(wanted)
        if repaired:
            self._tell_repair(body, live)
        return live

    def _tell_repair(self, body: Manifest, live: Manifest) -> None:
        what = f"{live['kind']} {live['metadata']['name']}"
        self._reporter.event(
            body, "Repaired", f"{what} had been changed or deleted by hand and is as it should be again."
        )

    def _tier(self, body: Manifest, tier: Tier) -> Manifest:
        fixed = http_services.fixed_replicas(tier)
        first = tier.spec["autoscaling"]["minReplicas"] if fixed is None else fixed
        live, repaired = deploy(self._cluster, http_services.deployment(body, tier), first=first, fixed=fixed)
        if repaired:
            self._tell_repair(body, live)
        return live

    def _indexes(self, body: Manifest) -> Manifest | None:
        """The Job; one that has failed is deleted, so that the next look makes it anew."""
        wanted = index_job.job(body)
        meta = wanted["metadata"]
        live = self._cluster.get("Job", meta["namespace"], meta["name"])
        if index_job.done(live):
            return live
        if live is not None and index_job.failed(live):
            cause = self._why_no_indexes(body, live) or f"kubectl logs job/{meta['name']} says why (MongoDB?)."
            message = f"Job {meta['name']} failed and is tried again: {cause}"
            self._reporter.event(body, "IndexesFailed", message, warning=True)
            self._cluster.delete(live)
            return live
        return self._cluster.apply(wanted) if live is None else live

    def _prune(self, body: Manifest, tiers: Sequence[Tier]) -> None:
        """Delete what this Shop once made and no longer asks for; looked for only when what it asks for has changed."""
        deployments = [http_services.deployment(body, tier) for tier in tiers]
        every = [*self._around(body, tiers), *deployments, index_job.job(body), *shop_consumers.consumers(body)]
        wanted = {(entry["kind"], entry["metadata"]["name"]) for entry in every}
        meta = body["metadata"]
        place, known = (meta["namespace"], meta["name"]), (meta["uid"], wanted)
        if self._pruned.get(place) == known:
            return
        mine = {"app.kubernetes.io/instance": meta["name"], "app.kubernetes.io/managed-by": MANAGED_BY}
        for kind in PRUNED:
            for live in self._cluster.list(kind, meta["namespace"], text(mine)):
                owner = controller_of(live)
                if (kind, live["metadata"]["name"]) not in wanted and owner and owner["uid"] == meta["uid"]:
                    self._cluster.delete(live)
                    self._reporter.event(body, "Removed", f"{kind} {live['metadata']['name']} is no longer asked for.")
        self._pruned[place] = known

    def _report(self, body: Manifest, parts: _Parts, warm: Manifest | None) -> None:
        children = self._children(body)
        ready = [child for child in children if _ready_child(child)]
        needs = unavailable(self._dependencies.latest(body["metadata"]["namespace"], body["metadata"]["name"]))
        scales = self._scales(body)
        verdict = self._verdict(body, parts, children, scales, needs)
        columns: Manifest = {
            "server": _count(parts.tiers.get(http_services.SERVER)),
            "api": _count(parts.tiers.get(http_services.API)),
            "consumers": f"{len(ready)}/{len(body['spec'].get('consumers', []))}",
            "lag": sum(child.get("status", {}).get("lag", 0) for child in children),
            "reason": "" if verdict.holds else verdict.message,
        }
        if http_services.watched(body):
            columns["ops"] = _count(parts.tiers.get(http_services.OPS))
        if warm is not None:
            columns["warmUp"] = warm
        told = self._campaigns.latest(body["metadata"]["namespace"], body["metadata"]["name"])
        before = body.get("status", {}).get("conditions", [])
        blind = condition(UNSEEN, *unseen(body["spec"].get("campaignWarmUp"), told, before))
        self._reporter.status(body, columns, [verdict, scales, needs, _open_to_all(body), blind])

    def _children(self, body: Manifest) -> list[Manifest]:
        meta = body["metadata"]
        mine = {"app.kubernetes.io/instance": meta["name"], "app.kubernetes.io/managed-by": MANAGED_BY}
        found = self._cluster.list("ShopConsumer", meta["namespace"], text(mine))
        return [live for live in found if (controller_of(live) or {}).get("uid") == meta["uid"]]

    def _scales(self, body: Manifest) -> Condition:
        """Does the autoscaler of each tier that has one act?"""
        for tier in http_services.tiers(body):
            if http_services.fixed_replicas(tier) is None:
                name = http_services.full_name(body, tier.name)
                hpa = self._cluster.get("HorizontalPodAutoscaler", body["metadata"]["namespace"], name)
                since = scaling_progress.failing_since(hpa)
                age = (datetime.now(UTC) - warm_up.instant(since)).total_seconds() if since else 0.0
                if said := scaling_progress.autoscaler(tier.name, hpa, age):
                    return condition(scaling_progress.KIND, True, "HpaFailing", said)
        return condition(scaling_progress.KIND, False, "Fine", "No autoscaler of this Shop fails.")

    def _why_no_indexes(self, body: Manifest, job: Manifest | None) -> str:
        return self._causes.of_job(body["metadata"]["namespace"], job, credentials.of_indexes(body).folders)

    def _verdict(
        self, body: Manifest, parts: _Parts, children: list[Manifest], scales: Condition, needs: Condition
    ) -> Condition:
        """Ready, or the first thing that is waited for."""
        if parts.refusal:
            return condition("Ready", False, "Refused", parts.refusal)
        server, api, *others = http_services.tiers(body)
        if late := self._late(body, parts, (server, api)):
            return late
        if not index_job.done(parts.job):
            name = index_job.job(body)["metadata"]["name"]
            if cause := self._why_no_indexes(body, parts.job):
                return condition("Ready", False, "IndexesFailing", f"Job {name} makes MongoDB's indexes: {cause}")
            message = f"Job {name} makes MongoDB's indexes; consumers start after it (kubectl logs job/{name})."
            return condition("Ready", False, "Waiting", message)
        missing = len(body["spec"].get("consumers", [])) - len(children)
        waited = [child["metadata"]["name"] for child in children if not _ready_child(child)]
        if missing > 0 or waited:
            which = ", ".join(waited) or "those just made"
            message = f"ShopConsumers that are not ready: {which} (kubectl describe shopconsumer)."
            return condition("Ready", False, "Waiting", message)
        for worse in (scales, needs):
            if worse.holds:
                return condition("Ready", False, worse.reason, worse.message)
        # Last, as nobody who buys misses it.
        return self._late(body, parts, others) or condition("Ready", True, "Running", "All parts are ready.")

    def _late(self, body: Manifest, parts: _Parts, tiers: Sequence[Tier]) -> Condition | None:
        """What the first of these tiers waits for that has not all it asks for."""
        for tier in tiers:
            live = parts.tiers.get(tier.name)
            if not rollout(live, []).holds:
                chosen = selector(tier.name, body["metadata"]["name"])
                causes = self._causes.of_pods(body["metadata"]["namespace"], chosen, tier.credentials.folders)
                return rollout(live, causes.pods, causes.cause)
        return None

    def _drain(self, body: Manifest) -> None:
        """Shut the door, let the consumers drain and go, then delete the Shop; Kubernetes collects the rest."""
        waiting = self._shut(body) or self._drain_consumers(body)
        if waiting:
            told = [condition(kind, kind != "Ready", "Draining", waiting) for kind in ("Ready", finalizers.DRAINING)]
            self._reporter.status(body, {**body.get("status", {}), "reason": waiting}, told)
            return
        self._reporter.event(body, "Drained", "The consumers are gone; Kubernetes removes the rest.")
        self._cluster.delete(body)

    def _shut(self, body: Manifest) -> str:
        """No new events: delete cm-server and wait until its last request has been answered."""
        meta = body["metadata"]
        wanted = [*door(body), http_services.deployment(body, http_services.server(body))]
        for entry in wanted:
            live = self._cluster.get(entry["kind"], meta["namespace"], entry["metadata"]["name"])
            if live is not None and (controller_of(live) or {}).get("uid") == meta["uid"]:
                self._cluster.delete(live)
        pods = self._cluster.list("Pod", meta["namespace"], text(selector(http_services.SERVER, meta["name"])))
        return f"draining: cm-server ends ({len(pods)} pods)" if pods else ""

    def _drain_consumers(self, body: Manifest) -> str:
        """Have the consumers drained, each of which goes when its group has no lag or its grace is over."""
        children = self._children(body)
        for child in children:
            if not finalizers.drain_asked(child):
                finalizers.ask_drain(self._cluster, child)
        said = ", ".join(f"{c['metadata']['name']} (lag {c.get('status', {}).get('lag', '?')})" for c in children)
        return f"draining: {said}" if children else ""


def _open_to_all(body: Manifest) -> Condition:
    """By what the pods are told: whatever else the spec says, that is what runs."""
    pods = http_services.deployment(body, http_services.server(body))["spec"]["template"]["spec"]
    if credentials.open_to_all(pods["containers"][0]["env"]):
        message = "Everybody who reaches the shop may do everything: set spec.auth.mode to apikey or jwt."
        return condition("AuthenticationDisabled", True, "AuthenticationModeNone", message)
    return condition(
        "AuthenticationDisabled",
        False,
        "AuthenticationEnabled",
        f"Callers are asked who they are ({body['spec']['auth']['mode']}).",
    )


def _ready_child(child: Manifest) -> bool:
    have = child.get("status", {})
    fresh = have.get("observedGeneration") == child["metadata"]["generation"]
    return fresh and any(c["type"] == "Ready" and c["status"] == "True" for c in have.get("conditions", []))


def _count(live: Manifest | None) -> str:
    if live is None:
        return "0/?"
    return f"{live.get('status', {}).get('readyReplicas', 0)}/{live['spec'].get('replicas', 1)}"


def _explained(error: ClusterError) -> str:
    if "httproutes" in str(error) or (error.status == 404 and "not find the requested resource" in str(error)):
        return "The Gateway API is not installed: install its CRDs, or use spec.ingress instead of spec.gateway."
    return str(error)
