"""Whatever renders installs, what cannot is refused with a sentence; what a platform team sets reaches every pod."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from shop_cluster.rendering import PAGES, PROFILES, Manifest, RenderError, render, render_text

LABEL = re.compile(r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
NAME = re.compile(r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")
LONGEST = "a" + "b" * 39


@pytest.mark.parametrize("name", ["9shop", "shop.eu", "a" * 41, "1"])
def test_a_release_name_that_objects_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(RenderError, match="release's name"):
        render(release=name)


@pytest.mark.parametrize("name", [LONGEST, LONGEST[:35] + "-" + "cdef", "a"])
def test_every_release_name_that_is_admitted_makes_valid_objects(name: str) -> None:
    for manifest in render(*PROFILES["prod"], *PAGES, release=name):
        if manifest["kind"] == "CustomResourceDefinition":
            continue
        head = manifest["metadata"]
        assert NAME.match(head["name"]), head["name"]
        assert all(LABEL.match(value) for value in head["labels"].values())
        if manifest["kind"] == "StatefulSet":
            # Its pods have a hash behind that name as a label.
            assert len(head["name"]) <= 52, head["name"]


def test_an_arbiter_of_too_long_a_name_is_refused() -> None:
    with pytest.raises(RenderError, match="36 characters where MongoDB has an arbiter"):
        render(release="a" * 37)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("ingress.host=Shop.Example.ORG", "ingress.host: .* is no host name"),
        ("ingress.host=http://a", "is no host name"),
        ("ingress.host=a:80", "is no host name"),
        ("gateway.parentRefs[0].name=g,gateway.hostnames[0]=A.b", "gateway.hostnames: .* is no host name"),
        ("shop.kafka.topics.minInsyncReplicas=5", "minInsyncReplicas is 5, but there are 3 copies"),
        ("kafka.brokers.heap=9g", "kafka.brokers.heap is 9g"),
        ("kafka.brokers.heap=2g", "kafka.brokers.heap is 2g"),
        ("kafka.controllers.heap=700m", "kafka.controllers.heap is 700m"),
        ("kafka.controllers.replicas=2", "controllers/replicas"),
        ("kafka.controllers.replicas=4", "controllers/replicas"),
        ("mongodb.cacheGB=2", "mongodb.cacheGB is 2"),
        ("mongodb.members=7", "8 votes"),
        ("shop.consumers.purchases.minReplicas=20", "minReplicas is 20, above maxReplicas"),
        ("shop.consumers.purchases.maxReplicas=0", "maxReplicas"),
        ("shop.server.autoscaling.maxReplicas=1", "shop.server.autoscaling.minReplicas is 2"),
        ("shop.api.autoscaling.maxReplicas=1", "shop.api.autoscaling.minReplicas is 2"),
        ("shop.consumers.purchase.minReplicas=1", "shop.consumers.purchase: there is no such domain"),
        ("shop.campaignWarmUp.consumers={analytic}", "campaignWarmUp.consumers names analytic"),
        ("shop.consumers.analytics=null,shop.campaignWarmUp.consumers={analytics}", "no such consumer"),
        ("operator.watchNamespaces={team-a}", "watchNamespaces does not name shop"),
        ("operator.resources.requests.cpu=2", "operator.resources: cpu is requested with 2"),
        ("operator.resources.limits.memory=1Gb", "operator.resources.limits.memory: 1Gb is no quantity"),
        ("kafka.brokers.resources.requests.memory=3Gi", "kafka.brokers.resources: memory"),
        ("mongodb.resources.requests.memory=9Gi", "mongodb.resources: memory"),
        ("mongodb.arbiter.resources.requests.memory=9Gi", "mongodb.arbiter.resources: memory"),
        ("shop.server.resources.requests.cpu=4", "shop.server.resources: cpu"),
        ("shop.consumers.catalog.resources.requests.memory=9Gi", "shop.consumers.catalog.resources: memory"),
        ("jobs.resources.requests.memory=9Gi", "jobs.resources: memory"),
        ("errands.resources.requests.cpu=1", "errands is called jobs now"),
        ("operator.prometheusRule.enabled=true", "operator.prometheusRule is global.monitoring now"),
        ("kafkaUi.resources.limits.memory=lots", "no quantity"),
        ("auth.existingSecret=My_Keys", "auth.existingSecret: .* cannot be the name"),
        ("kafka.security.certificate.existingSecret=TLS", "certificate.existingSecret: .* cannot be the name"),
        ("mongodb.auth.existingSecret=a/b", "mongodb.auth.existingSecret: .* cannot be the name"),
        ("global.imagePullSecrets={A}", "imagePullSecrets.* cannot be the name"),
        ("shop.consumers.purchases.drainWithin=soon", "drainWithin: .* is no time"),
        (
            "shop.server.env[0].name=A,shop.server.env[0].value=b,shop.server.env[0].valueFrom.fieldRef.fieldPath=c",
            "both",
        ),
        ("gateway.parentRefs[0].name=G", "parentRefs.0..name: .* cannot be the name"),
        ("ingress.className=NGINX", "ingress.className: .* cannot be the name"),
        ("shop.images.repository=Registry/Shop", "is no name of an image"),
        ("shop.images.cmApi=a b", "is no name of an image"),
        ("operator.image.repository=UPPER", "operator.image: .* is no name of an image"),
        ("kafka.image.tag=a+b", "kafka.image: .* is no name of an image"),
        ("mongoExpress.image.repository=-x", "mongoExpress.image: .* is no name of an image"),
        ("kafka.storageClass=Fast", "kafka.storageClass: .* cannot be the name"),
    ],
)
def test_what_cannot_install_is_refused_with_a_sentence(values: str, said: str) -> None:
    with pytest.raises(RenderError, match=said):
        render("--set", values)


@pytest.mark.parametrize(
    "values",
    [
        "ingress.host=*.example.org",
        "kafka.controllers.replicas=5",
        "kafka.brokers.heap=1600m",
        "kafka.brokers.resources.limits.memory=4G,kafka.brokers.heap=2900m",
        "mongodb.cacheGB=0.25",
        "operator.resources.limits.memory=536870912",
        "operator.resources.requests.cpu=0.5",
        "shop.consumers.purchases.minReplicas=12",
        "operator.watchNamespaces={team-a,shop}",
        "auth.existingSecret=keys.of.mine",
        "shop.images.repository=registry.example:5000/team/shop,shop.images.tag=V1.0_x",
        f"shop.images.cmApi=registry.example/cm-api:1@sha256:{'0' * 64},kafka.image.digest=sha256:{'1' * 64}",
        "shop.consumers.purchases.drainWithin=30s",
        "kafka.enabled=false,kafka.bootstrapServers=[fd00::1]:9092\\,kafka.elsewhere:9092",
    ],
)
def test_what_can_is_not(values: str) -> None:
    assert render("--set", values)


SETTINGS: dict[str, Any] = {
    "nodeSelector": {"pool": "shop"},
    "tolerations": [{"key": "shop", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "topologySpreadConstraints": [{"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "priorityClassName": "high",
    "runtimeClassName": "gvisor",
    "schedulerName": "other",
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
    "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
}
ADDED: dict[str, Any] = {
    "podLabels": {"team": "shop"},
    "podAnnotations": {"scrape": "yes"},
    "env": [{"name": "EXTRA", "value": "1"}],
    "envFrom": [{"configMapRef": {"name": "more"}}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "extraInitContainers": [{"name": "before", "image": "a:1"}],
    "extraContainers": [{"name": "beside", "image": "b:1"}],
}
# The pods of Jobs and of `helm test` end, which a container beside theirs would keep them from.
ENDING = ("Job/", "Pod/")


def templates(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Metadata and spec of every pod."""
    found = {}
    for manifest in manifests:
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        if manifest["kind"] == "Pod":
            found[name] = manifest
        elif isinstance(manifest.get("spec"), dict) and "template" in manifest["spec"]:
            found[name] = manifest["spec"]["template"]
    return found


def assert_given(name: str, template: Manifest) -> None:
    spec, head = template["spec"], template["metadata"]
    assert {key: spec.get(key) for key in SETTINGS} == SETTINGS, name
    assert head["labels"]["team"] == "shop" and head["annotations"]["scrape"] == "yes", name
    assert {"name": "more", "emptyDir": {}} in spec["volumes"], name
    assert spec["initContainers"][0]["name"] == "before", name
    main = spec["containers"][0]
    assert ADDED["env"][0] in main["env"] and main["envFrom"] == ADDED["envFrom"], name
    assert ADDED["extraVolumeMounts"][0] in main["volumeMounts"], name
    assert ("beside" in [each["name"] for each in spec["containers"]]) != name.startswith(ENDING), name


def test_one_place_gives_every_pod_what_a_platform_team_sets() -> None:
    made = templates(render(*PAGES, "--set-json", f"global.pods={json.dumps(SETTINGS | ADDED)}"))
    assert len(made) >= 10
    for name, template in made.items():
        assert_given(name, template)


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("operator", {"Deployment/shop-operator"}),
        ("kafka", {"StatefulSet/shop-kafka-broker", "StatefulSet/shop-kafka-controller"}),
        ("kafka.brokers", {"StatefulSet/shop-kafka-broker"}),
        ("kafka.controllers", {"StatefulSet/shop-kafka-controller"}),
        ("mongodb", {"StatefulSet/shop-mongodb", "StatefulSet/shop-mongodb-arbiter"}),
        ("mongodb.arbiter", {"StatefulSet/shop-mongodb-arbiter"}),
        ("kafkaUi", {"Deployment/shop-kafka-ui"}),
        ("mongoExpress", {"Deployment/shop-mongo-express"}),
        ("jobs", {"Job/shop-kafka-access", "Job/shop-uninstall", "Pod/shop-buy-and-read"}),
    ],
)
def test_each_part_can_be_given_its_own(part: str, names: set[str]) -> None:
    words = [
        word for key, said in (SETTINGS | ADDED).items() for word in ("--set-json", f"{part}.{key}={json.dumps(said)}")
    ]
    made = {re.sub("-[0-9a-f]{8}$", "", name): each for name, each in templates(render(*PAGES, *words)).items()}
    for name, template in made.items():
        if name in names:
            assert_given(name, template)
        else:
            assert template["spec"].get("priorityClassName") is None, name
            assert "team" not in template["metadata"]["labels"], name


def test_the_nearest_counts_and_maps_are_added_up() -> None:
    words = "global.pods.nodeSelector.a=1,kafka.nodeSelector.b=2,kafka.brokers.nodeSelector.a=3"
    words += ",global.pods.priorityClassName=low,kafka.priorityClassName=high"
    made = templates(render("--set-string", words))
    brokers, controllers = (made[f"StatefulSet/shop-kafka-{role}"]["spec"] for role in ("broker", "controller"))
    assert brokers["nodeSelector"] == {"a": "3", "b": "2"} and controllers["nodeSelector"] == {"a": "1", "b": "2"}
    assert brokers["priorityClassName"] == "high"
    assert made["Deployment/shop-operator"]["spec"]["priorityClassName"] == "low"


@pytest.mark.parametrize(
    ("part", "name"),
    [("operator", "LOG_LEVEL"), ("kafka", "HEAP"), ("kafkaUi", "AUTH_TYPE"), ("jobs", "KAFKA_SASL_USERNAME")],
)
def test_an_environment_that_the_chart_sets_too_is_said_once_and_by_the_user(part: str, name: str) -> None:
    made = templates(render(*PAGES, "--set", f"{part}.env[0].name={name},{part}.env[0].value=mine"))
    seen = 0
    for template in made.values():
        said = [each for each in template["spec"]["containers"][0].get("env", []) if each["name"] == name]
        assert len(said) <= 1
        seen += said == [{"name": name, "value": "mine"}]
    assert seen >= 1


def test_labels_of_all_objects_never_change_who_is_chosen() -> None:
    words = ("--set-string", "global.commonLabels.team=shop,global.commonLabels.app\\.kubernetes\\.io/name=mine")
    plain, labelled = render(*PROFILES["gitops"]), render(*PROFILES["gitops"], *words)
    for before, after in zip(plain, labelled, strict=True):
        if after["kind"] == "CustomResourceDefinition":
            continue
        assert after["metadata"]["labels"]["team"] == "shop", after["metadata"]["name"]
        assert before["metadata"]["labels"].items() <= after["metadata"]["labels"].items()
        for key in ("selector", "volumeClaimTemplates"):
            assert before.get("spec", {}).get(key) == after.get("spec", {}).get(key)


@pytest.mark.parametrize("prefix", ["", "kafka.", "mongodb.", "operator."])
def test_objects_of_the_users_own_belong_to_the_release(prefix: str) -> None:
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-own"}, "data": {"a": "b"}}
    made = render("--set-json", f"{prefix}extraObjects={json.dumps([own, yaml.safe_dump(own | {'kind': 'Secret'})])}")
    assert {m["kind"] for m in made if m["metadata"]["name"] == "shop-own"} == {"ConfigMap", "Secret"}


def policies(*words: str) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m["spec"] for m in render(*PAGES, *words) if m["kind"] == "NetworkPolicy"}


def test_every_policy_that_lets_anything_out_resolves_names_on_every_cluster() -> None:
    asked = [
        policies(),
        policies("--set-json", 'global.dns={"ports":[53],"peers":[{"ipBlock":{"cidr":"169.254.20.10/32"}}]}'),
    ]
    wanted = [
        {"ports": [{"port": port, "protocol": protocol} for port in (53, 5353) for protocol in ("UDP", "TCP")]},
        {
            "ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")],
            "to": [{"ipBlock": {"cidr": "169.254.20.10/32"}}],
        },
    ]
    for found, rule in zip(asked, wanted, strict=True):
        assert all(rule in policy["egress"] for policy in found.values() if "egress" in policy)
        silent = {name for name, policy in found.items() if "egress" not in policy}
        assert silent == {"shop-default-deny", "shop-jobs-to-cm-server"}


def test_any_scraper_can_be_let_in() -> None:
    scraper = [{"podSelector": {"matchLabels": {"app": "vmagent"}}, "namespaceSelector": {}}]
    found = policies("--set-json", f"global.scrapers={json.dumps(scraper)}")["shop-operator"]["ingress"]
    assert found == [{"from": scraper, "ports": [{"port": 8090, "protocol": "TCP"}]}]
    assert (
        "ingress" not in policies("--set-json", "global.scrapers=[]")["shop-operator"]
        or not (policies("--set-json", "global.scrapers=[]")["shop-operator"]["ingress"])
    )


@pytest.mark.security(10, 32)
def test_the_pod_of_helm_test_reaches_cm_server_and_nobody_else_by_that_policy() -> None:
    (rule,) = policies()["shop-jobs-to-cm-server"]["ingress"]
    ((peer,), port) = rule["from"], {"port": 8080, "protocol": "TCP"}
    assert rule["ports"] == [port] and list(peer) == ["podSelector"]
    tests = [m for m in render() if "helm.sh/hook" in m["metadata"].get("annotations", {}) and m["kind"] == "Pod"]
    assert tests and all(peer["podSelector"]["matchLabels"].items() <= m["metadata"]["labels"].items() for m in tests)
    chosen = policies()["shop-jobs-to-cm-server"]["podSelector"]["matchLabels"]
    assert chosen == {"app.kubernetes.io/name": "cm-server", "app.kubernetes.io/instance": "shop"}


def test_a_pod_that_does_not_get_ready_keeps_no_node_from_being_drained() -> None:
    budgets = [m["spec"] for m in render() if m["kind"] == "PodDisruptionBudget"]
    assert budgets and all(budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow" for budget in budgets)


def test_the_errand_of_an_uninstall_has_the_operators_image_and_can_be_left_out() -> None:
    made = {f"{m['kind']}/{m['metadata']['name']}": m for m in render("--set", "operator.image.tag=v7")}
    container = made["Job/shop-uninstall"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "localhost/scalable-shop/operator:v7"
    without = render("--set", "uninstall.drain=false")
    assert not [m for m in without if "pre-delete" in str(m["metadata"].get("annotations"))]
    alone = render_text("--set", "operator.enabled=false")
    assert "name: shop-uninstall" in alone and "image: localhost/scalable-shop/operator" not in alone


def test_offsets_outlive_a_long_sleep() -> None:
    for words, minutes in (((), 525600), (("--set", "kafka.offsetsRetentionDays=30"), 43200)):
        [config] = [m for m in render(*words) if (m["kind"], m["metadata"]["name"]) == ("ConfigMap", "shop-kafka")]
        assert f"offsets.retention.minutes={minutes}\n" in config["data"]["common.properties"]
