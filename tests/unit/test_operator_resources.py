"""What the operator's builders make of a Shop and a ShopConsumer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shop_operator.decisions import drift
from shop_operator.desired import base, http_services, index_job, ingress, policies, scaler, shop_consumers
from shop_operator.desired import consumer as consumers

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
Everything = Callable[[Manifest], list[Manifest]]


def pods(manifests: list[Manifest]) -> list[tuple[str, Manifest]]:
    found = []
    for entry in manifests:
        if entry["kind"] in ("Deployment", "Job"):
            found.append((entry["metadata"]["name"], entry["spec"]["template"]["spec"]))
    return found


def refused_by_restricted(pod: Manifest) -> list[str]:
    """Why the Pod Security standard `restricted` would refuse a pod."""
    around, reasons = pod.get("securityContext", {}), []
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            reasons.append(name)
    allowed = {"configMap", "downwardAPI", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
    reasons += [f"volume {v['name']}" for v in pod.get("volumes", []) if not allowed & set(v)]
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        own = container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            reasons.append("allowPrivilegeEscalation != false")
        if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
            reasons.append("capabilities")
        if own.get("privileged"):
            reasons.append("privileged")
        if not own.get("runAsNonRoot", around.get("runAsNonRoot")):
            reasons.append("runAsNonRoot != true")
        if own.get("runAsUser", around.get("runAsUser")) == 0:
            reasons.append("runAsUser=0")
        if own.get("seccompProfile", around.get("seccompProfile", {})).get("type") not in (
            "RuntimeDefault",
            "Localhost",
        ):
            reasons.append("seccompProfile")
        reasons += ["hostPort" for port in container.get("ports", []) if port.get("hostPort")]
    return reasons


def test_every_pod_is_admitted_by_restricted(everything: Everything, shop: Make, consumer: Make) -> None:
    found = pods([*everything(shop(ops={})), consumers.deployment(consumer(runAsUser=10001, probes={"port": 1}))])
    assert {name for name, _ in found} >= {"shop-cm-server", "shop-cm-api", "shop-cm-ops", "purchases", "billing"}
    for name, pod in found:
        assert refused_by_restricted(pod) == [], name


def test_the_check_of_restricted_finds_what_is_wrong() -> None:
    pod = {"containers": [{"name": "x", "ports": [{"hostPort": 1}]}], "volumes": [{"name": "v", "hostPath": {}}]}
    assert len(refused_by_restricted(pod)) == 6


def test_pods_have_probes_limits_no_token_and_no_service_variables(everything: Everything, shop: Make) -> None:
    for name, pod in pods(everything(shop(ops={}))):
        container = pod["containers"][0]
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False, name
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]
        assert ("readinessProbe" in container and "livenessProbe" in container) is ("indexes" not in name), name
        assert container.get("livenessProbe", {"httpGet": {}})["httpGet"] != container.get("readinessProbe")


def test_an_autoscaled_deployment_never_names_replicas(everything: Everything, shop: Make) -> None:
    scaled = {"minReplicas": 2, "maxReplicas": 5, "cpuPercent": 70}
    body = shop(server={"autoscaling": scaled})
    for entry in everything(body):
        if entry["kind"] == "Deployment":
            assert "replicas" not in entry["spec"]
    server, api = http_services.tiers(body)
    assert http_services.fixed_replicas(server) is None and http_services.fixed_replicas(api) == 1
    kinds = [entry["kind"] for entry in http_services.companions(body, server)]
    assert "HorizontalPodAutoscaler" in kinds
    assert "HorizontalPodAutoscaler" not in [entry["kind"] for entry in http_services.companions(body, api)]


def test_defaults_of_the_two_tiers(shop: Make) -> None:
    server, api = http_services.tiers(shop())
    assert (http_services.fixed_replicas(server), http_services.fixed_replicas(api)) == (2, 1)
    for tier, threads in ((server, "16"), (api, "48")):
        env = {
            e["name"]: e.get("value")
            for e in http_services.deployment(shop(), tier)["spec"]["template"]["spec"]["containers"][0]["env"]
        }
        assert env["HTTP_THREADS"] == threads and env["HTTP_HOST"] == "0.0.0.0"


def test_cm_ops_is_made_where_it_is_asked_for_and_has_one_pod(everything: Everything, shop: Make) -> None:
    assert "cm-ops" not in json.dumps(everything(shop())) and "CM_OPS_URL" not in json.dumps(everything(shop()))
    body = shop(ops={"threads": 6, "resources": {"limits": {"memory": "1Gi"}}})
    mine = {entry["kind"]: entry for entry in everything(body) if entry["metadata"]["name"] == "shop-cm-ops"}
    assert set(mine) == {"Deployment", "Service", "ServiceAccount", "NetworkPolicy"}, "a single pod needs no budget"
    server, api, ops = http_services.tiers(body)
    assert http_services.fixed_replicas(ops) == 1 and ops.image == api.image
    pod = mine["Deployment"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "shop-cm-ops" and pod["containers"][0]["resources"] == ops.spec["resources"]
    told = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    assert (told["HTTP_PORT"], told["HTTP_THREADS"]) == ("8082", "6") and "HTTP_WORKERS" not in told
    (port,) = mine["Service"]["spec"]["ports"]
    assert server.env["CM_OPS_URL"] == f"http://{mine['Service']['metadata']['name']}:{port['port']}"


def test_the_environment_of_a_tier_can_be_overridden_once(shop: Make) -> None:
    body = shop(server={"env": [{"name": "HTTP_WORKERS", "value": "3"}, {"name": "LOG_LEVEL", "value": "DEBUG"}]})
    env = http_services.deployment(body, http_services.server(body))["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [e["value"] for e in env if e["name"] == "HTTP_WORKERS"] == ["3"]
    assert {"name": "LOG_LEVEL", "value": "DEBUG"} in env


def test_secrets_are_referred_to_and_never_read(everything: Everything, shop: Make) -> None:
    text = json.dumps(everything(shop()))
    assert "MONGODB_URI_FILE" in text and "secretKeyRef" not in text and "mongodb://" not in text


def test_ingress_has_class_annotations_tls_and_no_rewrite(shop: Make) -> None:
    said = {
        "className": "nginx",
        "host": "shop.example",
        "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
        "tls": {"secretName": "shop-tls"},
    }
    (made,) = ingress.door(shop(ingress=said))
    path = made["spec"]["rules"][0]["http"]["paths"][0]
    assert made["kind"] == "Ingress" and made["spec"]["ingressClassName"] == "nginx"
    assert path["path"] == "/scalable-shop-cm-server" and path["pathType"] == "Prefix"
    assert made["spec"]["tls"] == [{"hosts": ["shop.example"], "secretName": "shop-tls"}]
    assert made["metadata"]["annotations"] == said["annotations"]


def test_an_ingress_lets_in_whom_the_shop_names(shop: Make) -> None:
    said = {"className": "nginx", "host": "shop.example", "sourceRanges": ["192.0.2.0/24", "2001:db8::/32"]}
    told = {ingress.SOURCES: "192.0.2.0/24,2001:db8::/32"}
    for notes in ({}, {"note": "a"}, {ingress.SOURCES: "0.0.0.0/0"}):
        (made,) = ingress.door(shop(ingress=said | {"annotations": notes}))
        assert made["metadata"]["annotations"] == notes | told
    (made,) = ingress.door(shop(ingress={"className": "nginx", "host": "shop.example"}))
    assert "annotations" not in made["metadata"]


def test_a_gateway_gives_an_http_route_instead(shop: Make) -> None:
    (made,) = ingress.door(shop(gateway={"parentRefs": [{"name": "public"}], "hostnames": ["shop.example"]}))
    assert made["kind"] == "HTTPRoute" and made["spec"]["parentRefs"] == [{"name": "public"}]
    assert made["spec"]["rules"][0]["backendRefs"] == [{"name": "shop-cm-server", "port": 8080}]
    assert ingress.door(shop()) == []


def test_policies_open_what_is_needed_and_can_be_switched_off(shop: Make) -> None:
    made = {entry["metadata"]["name"]: entry["spec"] for entry in policies.policies(shop())}
    assert set(made) == {"shop-cm-server", "shop-cm-api", "shop-consumer", "shop-indexes"}
    assert {"ports": [{"port": 9092, "protocol": "TCP"}]} in made["shop-cm-server"]["egress"]
    assert {"ports": [{"port": 27017, "protocol": "TCP"}]} in made["shop-cm-api"]["egress"]
    assert {"ports": [{"port": 9092, "protocol": "TCP"}]} in made["shop-cm-api"]["egress"]
    assert {"ports": [{"port": 9092, "protocol": "TCP"}]} not in made["shop-indexes"]["egress"]
    assert made["shop-indexes"]["ingress"] == []
    for name, spec in made.items():
        assert set(spec["policyTypes"]) == {"Ingress", "Egress"}, name
    assert policies.policies(shop(networkPolicies=False)) == []


def test_cm_ops_has_each_edge_that_it_needs_and_no_other(shop: Make) -> None:
    def port(number: int) -> list[Manifest]:
        return [{"port": number, "protocol": "TCP"}]

    def pod(name: str) -> list[Manifest]:
        return [{"podSelector": {"matchLabels": base.selector(name, "shop")}}]

    body = shop(ops={}, network={"scrapers": []}, cache={"url": "redis://cache:6379/0", "port": 6379})
    made = {entry["metadata"]["name"]: entry["spec"] for entry in policies.policies(body)}
    assert made["shop-cm-ops"]["ingress"] == [{"from": pod("cm-server"), "ports": port(8082)}]
    assert made["shop-cm-ops"]["egress"][1:] == [{"ports": port(9092)}, {"ports": port(27017)}]
    edge = {"to": pod("cm-ops"), "ports": port(8082)}
    assert [name for name, spec in made.items() if edge in spec["egress"]] == ["shop-cm-server"]
    assert edge not in policies.policies(shop())[0]["spec"]["egress"]


def test_policies_select_the_pods_they_are_meant_for(everything: Everything, shop: Make) -> None:
    body = shop(ops={})
    found = {
        name: entry
        for entry in everything(body)
        if entry["kind"] in ("Deployment", "Job")
        for name in [entry["metadata"]["name"]]
    }
    labels = [entry["spec"]["template"]["metadata"]["labels"] for entry in found.values()]
    for policy in policies.policies(body):
        chosen = policy["spec"]["podSelector"]["matchLabels"].items()
        assert sum(chosen <= marks.items() for marks in labels) == 1, policy["metadata"]["name"]


def test_a_new_image_or_database_makes_a_new_job_and_nothing_else_does(shop: Make) -> None:
    name = index_job.job(shop())["metadata"]["name"]
    assert name == index_job.job(shop(server={"replicas": 5}))["metadata"]["name"]
    images = {"cmServer": "registry.example/cm-server:1", "cmApi": "registry.example/cm-api:2"}
    assert name != index_job.job(shop(images=images))["metadata"]["name"]
    done = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    assert index_job.done(done) and not index_job.done(None) and not index_job.failed(done)


def test_a_shop_makes_a_consumer_for_each_domain_by_the_services_names(shop: Make) -> None:
    wanted = [{"domain": "purchases", "drainWithin": "30s"}, {"domain": "catalog", "topic": "t", "group": "g"}]
    purchases, catalog = shop_consumers.consumers(shop(consumers=wanted))
    assert purchases["metadata"]["name"] == "purchases"
    assert (purchases["spec"]["topic"], purchases["spec"]["group"]) == ("shop.purchases", "cm-api-purchases")
    assert purchases["spec"]["drainWithin"] == "30s" and "lagThreshold" not in purchases["spec"]
    assert purchases["spec"]["args"] == ["--domain", "purchases"]
    assert purchases["spec"]["drainGraceSeconds"] == 120
    assert (catalog["spec"]["topic"], catalog["spec"]["group"], catalog["spec"]["lagThreshold"]) == ("t", "g", 100)
    assert "replicas" not in purchases["spec"], "a Shop that named it would undo a pin"


def test_ownership_asks_for_no_right_on_finalizers(everything: Everything, shop: Make, consumer: Make) -> None:
    for entry in [*everything(shop()), scaler.scaled_object(consumer(), 100, 12)]:
        for reference in entry["metadata"]["ownerReferences"]:
            assert reference["controller"] is True and reference["blockOwnerDeletion"] is False


def test_names_and_label_values_fit(everything: Everything, shop: Make) -> None:
    body = shop(ops={})
    body["metadata"]["name"] = "s" * 40
    for entry in everything(body):
        assert len(entry["metadata"]["name"]) <= 63, entry["metadata"]["name"]
        for value in entry["metadata"]["labels"].values():
            assert len(value) <= 63
    assert base.text({"b": "2", "a": "1"}) == "a=1,b=2"


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {}}}}}}, True),
        ({"manager": "kubectl-rollout", "fieldsV1": {"f:spec": {"f:template": {"f:metadata": {}}}}}, False),
        ({"manager": "keda", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}}, False),
        ({"manager": "shop-operator", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}}}, False),
    ],
)
def test_what_a_hand_added_to_pods_is_found(entry: Manifest, found: bool) -> None:
    assert drift.added_to_pods({"kind": "Deployment", "metadata": {"managedFields": [entry]}}) is found


def test_the_number_of_pods_is_no_drift() -> None:
    def live(replicas: int, image: str) -> Manifest:
        return {"kind": "Deployment", "metadata": {}, "spec": {"replicas": replicas, "image": image}}

    assert not drift.differs(live(1, "a"), live(5, "a"))
    assert drift.differs(live(1, "a"), live(1, "b"))


@pytest.mark.parametrize(
    ("cache", "variable"),
    [
        ({"url": "redis://cache:6380/0", "port": 6380}, {"name": "CACHE_URL", "value": "redis://cache:6380/0"}),
        (
            {"urlSecretRef": {"name": "cache-login", "key": "url"}},
            {"name": "CACHE_URL_FILE", "value": "/etc/shop/cache/url"},
        ),
    ],
)
def test_a_shared_cache_is_told_to_the_queries_and_the_consumers(
    cache: Manifest, variable: Manifest, shop: Make
) -> None:
    body = shop(cache=cache)
    (child,) = shop_consumers.consumers(body)
    api = http_services.deployment(body, http_services.api(body))["spec"]["template"]["spec"]["containers"][0]
    assert variable in child["spec"]["env"] and variable in api["env"]
    server = http_services.deployment(body, http_services.server(body))["spec"]["template"]["spec"]["containers"][0]
    assert variable not in server["env"]
    port = {"port": cache.get("port", 6379), "protocol": "TCP"}
    open_to = {
        policy["metadata"]["name"]: any(port in rule["ports"] for rule in policy["spec"]["egress"])
        for policy in policies.policies(body)
    }
    assert open_to == {"shop-cm-server": False, "shop-cm-api": True, "shop-consumer": True, "shop-indexes": False}


def test_without_a_shared_cache_nothing_is_told_of_one(shop: Make, everything: Callable[..., list[Manifest]]) -> None:
    assert "CACHE_URL" not in str(everything(shop()))
