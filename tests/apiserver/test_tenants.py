"""Who may write Shops and ShopConsumers gains nothing that RBAC denies them directly: each field of the CRDs' schemas
is tried by users who lack one right or another. The policies are those that the chart renders."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml

from shop_apiserver.api import Api
from shop_apiserver.schemas import Path, changed, has, leaves
from shop_apiserver.specs import SPECS, VERSION, made
from shop_cluster.places import ROOT
from shop_cluster.rendering import render
from shop_cluster.waiting import wait_until

Manifest = dict[str, Any]
OPERATOR = ROOT / "charts" / "shop-operator"
OURS = {
    "apiGroups": ["scalable-shop.dev"],
    "resources": ["shops", "shopconsumers", "shopconsumers/scale"],
    "verbs": ["*"],
}
# What comes of a Shop, by the right to make it.
MAKES = {
    "deployments": "apps",
    "services": "",
    "serviceaccounts": "",
    "jobs": "batch",
    "networkpolicies": "networking.k8s.io",
    "ingresses": "networking.k8s.io",
    "httproutes": "gateway.networking.k8s.io",
    "horizontalpodautoscalers": "autoscaling",
}
# Fields that decide only how many pods there are: whoever may write the resource may write these.
HARMLESS = {
    "Shop": {"campaignWarmUp", "drainGraceSeconds"},
    "ShopConsumer": {
        *("minReplicas", "maxReplicas", "lagThreshold", "drainWithin", "replicas"),
        *("pollingInterval", "cooldownPeriod", "warmUp", "drainGraceSeconds"),
        *("mode", "databaseGuard", "maxDelay", "activationLagThreshold", "fallback", "pauseScaleIn", "pauseScaleOut"),
    },
}
CREATE_ALL = [{"apiGroups": [group], "resources": [name], "verbs": ["create"]} for name, group in MAKES.items()]
GET_CONFIG = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
GET_SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}


def schema(kind: str) -> Manifest:
    definition = yaml.safe_load((OPERATOR / "crds" / f"{kind.lower()}s.yaml").read_text())
    found: Manifest = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def names_a_secret(path: Path) -> bool:
    """Does the field hold the name of a Secret?"""
    words = ".".join(path)
    ends = ("ecretRef.name", "secretKeyRef.name", "pullSecrets.[]", "tls.secretName", "secrets.[].name")
    return words.endswith(ends)


# The schema refuses the API reference of cm-api itself.
FIELDS = [(kind, path, rule) for kind in SPECS for path, rule in leaves(schema(kind)) if path[:2] != ("api", "docs")]
SECRETS = [(kind, path) for kind, path, _ in FIELDS if names_a_secret(path)]


def called(kind: str, path: Path) -> str:
    return f"{kind}.{'.'.join(path)}"


def spec_with(kind: str, path: Path) -> Manifest:
    """The first of the specs that says this field."""
    return next(spec for spec in SPECS[kind] if has(spec, path))


def allow(api: Api, namespace: str, user: str, *rules: Manifest) -> str:
    """A user with these rights in the namespace, and no others."""
    head = {"name": user, "namespace": namespace}
    api.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": head, "rules": [OURS, *rules]})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": head}
    api.apply(binding | {"roleRef": role, "subjects": [subject]})
    return user


@pytest.fixture(scope="module")
def place(api: Api) -> Iterator[str]:
    """A namespace that the chart's operator looks after, with its policies in force and every spec in it."""
    name = "tenants"
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for kind, specs in SPECS.items():
        for number, spec in enumerate(specs):
            api.apply(made(kind, name, f"base-{number}", spec))
    policies = [m for m in render("--set", f"watchNamespaces={{{name}}}", chart=OPERATOR) if "Admission" in m["kind"]]
    for each in policies:
        api.apply(each)
    for user, rules in {
        "tenant": [],
        "builder": [*CREATE_ALL, GET_CONFIG],
        "owner": [*CREATE_ALL, GET_CONFIG, GET_SECRETS],
    }.items():
        allow(api, name, user, *rules)
    for kind, specs in SPECS.items():
        # In force a moment after they are written: one asks for rights, the other for Secrets.
        for user in ("tenant", "builder"):
            wait_until(partial(tried, api, name, kind, specs[0], user), "the policies are in force", 30)
    owned = [{"apiVersion": VERSION, "kind": "Shop", "name": "x", "uid": "x"}]
    claim = partial(tried, api, name, "ShopConsumer", SPECS["ShopConsumer"][0], "owner", ownerReferences=owned)
    wait_until(claim, "the policy of owners is in force", 30)
    yield name
    for each in reversed(policies):
        api.delete(each)


def tried(api: Api, namespace: str, kind: str, spec: Manifest, user: str, **meta: Any) -> str:
    """Make a resource with this spec, on trial: '' where it is admitted, else why not."""
    answer = api.create(made(kind, namespace, "trial", spec, **meta), user, dry=True)
    assert answer.status in (201, 403), answer.message
    return answer.message or ("" if answer.ok else "refused")


def admitted(api: Api, namespace: str, kind: str, spec: Manifest, user: str) -> bool:
    return not tried(api, namespace, kind, spec, user)


def refused_for(word: str, api: Api, namespace: str, kind: str, spec: Manifest, user: str) -> bool:
    return word in tried(api, namespace, kind, spec, user)


def put(api: Api, namespace: str, kind: str, path: Path, rule: Manifest, user: str) -> str:
    """Change one field of a resource that is there, on trial; '' where it is admitted."""
    spec = spec_with(kind, path)
    manifest = made(kind, namespace, f"base-{SPECS[kind].index(spec)}", changed(spec, path, rule))
    answer = api.merge(manifest, {"spec": manifest["spec"]}, user, dry=True)
    assert answer.status in (200, 403), f"{called(kind, path)}: {answer.message}"
    return answer.message


@pytest.mark.security(33)
def test_the_specs_of_this_test_say_every_field() -> None:
    missing = [called(kind, path) for kind, path, _ in FIELDS if not any(has(spec, path) for spec in SPECS[kind])]
    assert missing == []
    assert len(FIELDS) > 300 and len(SECRETS) > 20


@pytest.mark.security(34)
def test_every_field_that_speaks_of_a_secret_is_known_as_one() -> None:
    for kind, path, _ in FIELDS:
        if "secret" in ".".join(path).lower() and path[-1] in ("name", "secretName", "[]") and "keys" not in path:
            assert names_a_secret(path), called(kind, path)


@pytest.mark.security(33)
def test_who_may_write_the_two_resources_only_makes_none_of_them(api: Api, place: str) -> None:
    for kind, specs in SPECS.items():
        for spec in specs:  # which of the two policies is told that both refuse it is the API server's choice
            said = tried(api, place, kind, spec, "tenant")
            assert "you may not create deployments" in said or "which you may not get" in said
    least = {"topic": "t", "group": "g", "image": "i", "kafka": {"bootstrapServers": "k:1"}, "lagThreshold": 1}
    assert "you may not create deployments" in tried(api, place, "ShopConsumer", least, "tenant")
    assert tried(api, place, "ShopConsumer", least, "builder") == ""


@pytest.mark.security(33)
@pytest.mark.parametrize("kind", SPECS)
def test_who_may_write_the_two_resources_only_changes_how_many_pods_there_are_and_nothing_else(
    api: Api, place: str, kind: str
) -> None:
    wrong = []
    for path, rule in (field[1:] for field in FIELDS if field[0] == kind):
        said = put(api, place, kind, path, rule, "tenant")
        if (said == "") != (path[0] in HARMLESS[kind]) or (said and "you may not" not in said):
            wrong.append(f"{called(kind, path)}: {said or 'admitted'}")
    assert wrong == []


@pytest.mark.security(34)
@pytest.mark.parametrize(("kind", "path"), SECRETS, ids=[called(*each) for each in SECRETS])
def test_each_secret_that_is_named_asks_for_the_right_to_get_it(api: Api, place: str, kind: str, path: Path) -> None:
    spec = without_consumers_env(spec_with(kind, path)) if path[0] != "consumers" else spec_with(kind, path)
    every = {value(spec, each) for said, each in SECRETS if said == kind and has(spec, each)}
    secret = value(spec, path)
    others = GET_SECRETS | {"resourceNames": sorted(every - {secret})}
    user = allow(api, place, f"not-{secret}", *CREATE_ALL, GET_CONFIG, others)
    wanted = "Secrets" if path[0] == "consumers" else f"Secret {secret}, which you may not get"
    wait_until(lambda: wanted in tried(api, place, kind, spec, user), f"{user} is refused for it", 10)
    assert tried(api, place, kind, spec, "owner") == ""


def without_consumers_env(spec: Manifest) -> Manifest:
    """Secrets that a domain's variables name are asked for all at once, not by name."""
    if "consumers" not in spec:
        return spec
    return spec | {"consumers": [{**each, "env": []} for each in spec["consumers"]]}


def value(said: Any, path: Path) -> str:
    for number, part in enumerate(path):
        rest = path[number + 1 :]
        said = next(each for each in said if has(each, rest)) if part == "[]" else said[part]
    return str(said)


@pytest.mark.security(33)
@pytest.mark.parametrize("lacking", MAKES)
def test_what_a_shop_makes_asks_for_the_right_to_make_it(api: Api, place: str, lacking: str) -> None:
    rules = [rule for rule in CREATE_ALL if rule["resources"] != [lacking]]
    user = allow(api, place, f"without-{lacking}", *rules, GET_SECRETS, GET_CONFIG)
    wait_until(lambda: "cannot create" not in tried(api, place, "Shop", SPECS["Shop"][0], user), "its rights hold", 10)
    said = [tried(api, place, "Shop", spec, user) for spec in SPECS["Shop"]]
    asked_by = {"ingresses": "ingress", "httproutes": "gateway"}.get(lacking, "images")
    which = [number for number, spec in enumerate(SPECS["Shop"]) if asked_by in spec]
    assert [number for number, text in enumerate(said) if text] == which
    assert f"you may not create {lacking}" in said[which[0]]


@pytest.mark.security(33)
def test_a_value_of_a_config_map_asks_for_the_right_to_get_it(api: Api, place: str) -> None:
    user = allow(api, place, "without-config", *CREATE_ALL, GET_SECRETS)
    for kind, specs in SPECS.items():
        refused = partial(refused_for, "ConfigMap", api, place, kind, specs[0], user)
        wait_until(refused, f"the {kind} is refused for it", 10)


def test_the_largest_shop_is_within_what_a_policy_may_ask(api: Api, place: str) -> None:
    """Each Secret by its own name: the API server bounds the cost of a policy."""
    spec = without_consumers_env(SPECS["Shop"][0])
    names = sorted({value(spec, path) for kind, path in SECRETS if kind == "Shop" and has(spec, path)})
    user = allow(api, place, "by-name", *CREATE_ALL, GET_CONFIG, GET_SECRETS | {"resourceNames": names})
    wait_until(lambda: admitted(api, place, "Shop", spec, user), "each Secret may be got by its name", 10)
    spec["images"] = spec["images"] | {"pullSecrets": ["pull"] * 16}
    assert "more Secrets than can be asked about" in tried(api, place, "Shop", spec, user)


@pytest.mark.security(33)
def test_nobody_claims_a_shop_as_owner(api: Api, place: str) -> None:
    shop = api.get(VERSION, "Shop", place, "base-0")
    assert shop is not None
    owner = {"apiVersion": shop["apiVersion"], "kind": "Shop", "name": "base-0", "uid": shop["metadata"]["uid"]}
    spec = SPECS["ShopConsumer"][0]
    assert "ownerReferences" in tried(api, place, "ShopConsumer", spec, "owner", ownerReferences=[owner])
    patch = {"metadata": {"ownerReferences": [owner]}}
    assert "ownerReferences" in api.merge(made("ShopConsumer", place, "base-1", {}), patch, "owner").message


@pytest.mark.security(33)
def test_scaling_and_a_drain_are_open_to_whoever_may_write_the_resource(api: Api, place: str) -> None:
    base = made("ShopConsumer", place, "base-1", {})
    assert api.merge(base, {"spec": {"replicas": 3}}, "tenant", "scale").ok
    assert api.merge(base, {"metadata": {"annotations": {"scalable-shop.dev/drain": "true"}}}, "tenant").ok


@pytest.mark.security(33)
def test_the_operator_writes_what_a_shop_says(api: Api, place: str) -> None:
    operator = allow(api, place, "system:serviceaccount:shop:shop-operator")
    for spec in SPECS["ShopConsumer"]:
        wait_until(partial(admitted, api, place, "ShopConsumer", spec, operator), "the operator is admitted", 10)


@pytest.mark.security(33)
def test_elsewhere_nobody_is_asked(api: Api, place: str, namespace: str) -> None:
    """The policies are those of one operator: a namespace that it doesn't look after is none of its business."""
    user = allow(api, namespace, "tenant")
    spec = SPECS["ShopConsumer"][0]
    wait_until(lambda: admitted(api, namespace, "ShopConsumer", spec, user), "the tenant is admitted", 10)


@pytest.mark.security(33)
def test_the_roles_of_the_cluster_are_added_to(api: Api, namespace: str) -> None:
    roles = {m["metadata"]["name"]: m for m in render(chart=OPERATOR) if m["kind"] == "ClusterRole"}
    added = {
        name: {key.rpartition("-")[2] for key in m["metadata"]["labels"] if "aggregate-to" in key}
        for name, m in roles.items()
    }
    assert added == {
        "shop-shop-operator-view": {"view", "edit", "admin"},
        "shop-shop-operator-edit": {"edit", "admin"},
    }
    for name, role in roles.items():
        api.apply(role)
        head = {"name": name, "namespace": namespace}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": head}
        api.apply(binding | {"roleRef": reference, "subjects": [subject]})
    path = f"/apis/{VERSION}/namespaces/{namespace}/shopconsumers"
    wait_until(lambda: api.call("GET", path, user="shop-shop-operator-view").ok, "the viewer may list", 10)
    spec = {"topic": "t", "group": "g", "image": "i", "kafka": {"bootstrapServers": "k:1"}, "lagThreshold": 1}
    one = made("ShopConsumer", namespace, "one", spec)
    assert api.create(one, "shop-shop-operator-view").status == 403
    assert api.create(one, "shop-shop-operator-edit").ok


@pytest.mark.security(33)
def test_the_policies_and_roles_can_be_left_to_others() -> None:
    """Who installs may not be allowed to make what belongs to the whole cluster."""
    words = ("--set", "tenants.admissionPolicy=false,tenants.clusterRoles=false")
    kinds = {m["kind"] for m in render(*words, chart=OPERATOR)}
    assert not [kind for kind in kinds if "Cluster" in kind or "Admission" in kind]
