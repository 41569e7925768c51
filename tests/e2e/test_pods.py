"""What runs, as the API server shows it: each pod of the release, whoever made it, and what surrounds it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shop_cluster.installation import Installation
from shop_cluster.rendering import PROFILES, render, render_text, unrestricted

OURS = ("cm-server", "cm-api", "operator")
# What the images of ours must not hold: programs that get rights, build tools, package tools.
SEARCH = """
import os, json
setuid, tools = [], []
for folder, _, files in os.walk('/'):
    if folder.startswith(('/proc', '/sys')): continue
    for name in files:
        path = os.path.join(folder, name)
        try: mode = os.lstat(path).st_mode
        except OSError: continue
        if mode & 0o170000 == 0o100000 and mode & 0o6000: setuid.append(path)
        if name in ('gcc', 'cc', 'g++', 'ld', 'make', 'go', 'javac', 'pip', 'pip3') and mode & 0o111: tools.append(path)
try: open('/etc/x', 'w'); written = True
except OSError: written = False
print(json.dumps({'setuid': setuid, 'tools': tools, 'uid': os.getuid(), 'written': written}))
"""


@pytest.fixture(scope="module")
def pods(shop: Installation) -> dict[str, dict[str, Any]]:
    """The specs of the pods that run, by name."""
    found = {p["metadata"]["name"]: p for p in shop.get("pods")["items"] if p["status"]["phase"] == "Running"}
    assert len(found) >= 8
    return found


def faults(pods: Mapping[str, Any]) -> dict[str, list[str]]:
    """What keeps each from the standard; the API server's own volume with a token is another check's."""
    found = {}
    for name, pod in pods.items():
        volumes = [v for v in pod["spec"].get("volumes", []) if not v["name"].startswith("kube-api-access-")]
        found[name] = unrestricted(pod["spec"] | {"volumes": volumes})
    return {name: each for name, each in found.items() if each}


@pytest.mark.security(2, 3, 4, 5, 7)
def test_every_pod_that_runs_is_restricted(pods: dict[str, dict[str, Any]]) -> None:
    assert faults(pods) == {}


@pytest.mark.security(7)
def test_every_container_says_what_it_needs_and_may_use(pods: dict[str, dict[str, Any]]) -> None:
    wanted = {"cpu", "memory", "ephemeral-storage"}
    for name, container in containers(pods):
        for kind in ("requests", "limits"):
            assert set(container["resources"][kind]) >= wanted, f"{name}: {kind}"


@pytest.mark.security(6)
def test_accounts_are_of_ones_own_and_tokens_are_where_the_api_server_is_asked(pods: dict[str, dict[str, Any]]) -> None:
    with_token = set()
    for name, pod in pods.items():
        assert pod["spec"]["serviceAccountName"] != "default", name
        if any(volume["name"].startswith("kube-api-access-") for volume in pod["spec"].get("volumes", [])):
            with_token.add(label(pod))
    assert with_token == {"shop-operator"}


@pytest.mark.security(8)
def test_life_and_readiness_are_asked_apart(pods: dict[str, dict[str, Any]]) -> None:
    for name, container in containers(pods):
        probes = [container.get(f"{kind}Probe") for kind in ("startup", "liveness", "readiness")]
        assert all(probes), name
        assert probes[1] != probes[2], name


@pytest.mark.security(9)
def test_images_have_a_version_and_may_be_given_by_digest(pods: dict[str, dict[str, Any]]) -> None:
    for name, container in containers(pods):
        assert ":" in container["image"].rpartition("/")[2] and not container["image"].endswith(":latest"), name
    digest = "sha256:" + "0" * 64
    images = ("shop.images.cmServer", "shop.images.cmApi")
    words = [f"{image}=localhost/x@{digest}" for image in images] + [
        f"{part}.image.digest={digest}" for part in ("operator", "kafka", "mongodb")
    ]
    text = render_text(*(part for word in words for part in ("--set", word)))
    assert text.count(digest) >= len(words)


@pytest.mark.security(10)
def test_nothing_is_allowed_but_one_edge_each(shop: Installation, pods: dict[str, dict[str, Any]]) -> None:
    policies = [policy["spec"] for policy in shop.get("networkpolicies")["items"]]
    [deny] = [spec for spec in policies if not spec.get("ingress") and not spec.get("egress")]
    assert set(deny["policyTypes"]) == {"Ingress", "Egress"}
    edges = [spec for spec in policies if spec is not deny]
    for name, pod in pods.items():
        assert chosen(deny, pod), f"{name} is not denied by default"
        mine = [spec for spec in edges if chosen(spec, pod)]
        assert mine, f"{name} has no edge"
        ports = [port for spec in mine for rule in spec.get("egress", []) for port in rule.get("ports", [])]
        assert not any(rule == {} for spec in mine for kind in ("ingress", "egress") for rule in spec.get(kind, []))
        assert not ports or {"UDP", "TCP"} <= {p["protocol"] for p in ports if p["port"] in (53, "dns", "dns-tcp")}, (
            f"{name} can't ask for names"
        )


@pytest.mark.security(11)
def test_the_operator_may_little_and_only_here(shop: Installation) -> None:
    rules = [rule for role in shop.get("roles")["items"] for rule in role["rules"]]
    assert rules
    for rule in rules:
        assert "*" not in json.dumps(rule)
        if "secrets" in rule["resources"]:
            assert set(rule["verbs"]) <= {"get", "create"}
    for binding in shop.k8s.get("clusterrolebindings")["items"]:
        assert not [s for s in binding.get("subjects", []) if s.get("namespace") == shop.namespace]


@pytest.mark.security(12)
def test_what_serves_outlives_a_drain_and_a_rollout(shop: Installation) -> None:
    budgets = [budget["spec"] for budget in shop.get("poddisruptionbudgets")["items"]]
    for name in (f"{shop.name}-cm-server", f"{shop.name}-cm-api"):
        spec = shop.get("deployment", name)["spec"]
        template = spec["template"]
        assert any(chosen({"podSelector": budget["selector"]}, template) for budget in budgets), name
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] in (0, "0%"), name
        keys = {rule["topologyKey"] for rule in template["spec"]["topologySpreadConstraints"]}
        assert "kubernetes.io/hostname" in keys, name


@pytest.mark.security(13)
@pytest.mark.parametrize("profile", PROFILES)
def test_no_environment_names_a_secret(profile: str) -> None:
    for manifest in render(*PROFILES[profile]):
        for variable in environments(manifest):
            words = variable["name"].upper().split("_")
            secret = {"PASSWORD", "SECRET", "TOKEN", "KEY"} & set(words) and words[-1] not in ("FILE", "ID")
            assert not (secret and variable.get("value")), variable["name"]


@pytest.mark.security(19)
@pytest.mark.parametrize("profile", PROFILES)
def test_no_snippet_is_asked_of_the_ingress(profile: str) -> None:
    assert "-snippet" not in render_text(*PROFILES[profile])
    assert '"gateway"' in json.dumps(render("--set", "gateway.parentRefs[0].name=public"))


@pytest.mark.security(30)
@pytest.mark.parametrize("image", OURS)
def test_our_images_hold_no_compiler_and_give_no_rights(shop: Installation, pods: dict[str, Any], image: str) -> None:
    pod, container = next((name, c) for name, c in containers(pods) if f"/{image}:" in c["image"])
    told = shop.kubectl("exec", pod.partition("/")[0], "-c", container["name"], "--", "python3", "-c", SEARCH)
    found = json.loads(told)
    assert found["uid"] >= 10_000
    assert found == {"setuid": [], "tools": [], "uid": found["uid"], "written": False}


def label(pod: Mapping[str, Any]) -> str:
    return str(pod["metadata"]["labels"]["app.kubernetes.io/name"])


def containers(pods: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, pod in pods.items():
        for container in pod["spec"]["containers"]:
            yield f"{name}/{container['name']}", container


def chosen(spec: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Whether a selector with labels and expressions takes the pod."""
    labels, selector = pod["metadata"]["labels"], spec["podSelector"]
    for rule in selector.get("matchExpressions", []):
        found = labels.get(rule["key"])
        held = {"In": found in rule.get("values", []), "Exists": found is not None, "DoesNotExist": found is None}
        if not held[rule["operator"]]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def environments(part: Any) -> Iterator[dict[str, Any]]:
    """Every variable of every container, wherever it stands."""
    if isinstance(part, dict):
        if isinstance(part.get("env"), list):
            yield from part["env"]
        for value in part.values():
            yield from environments(value)
    elif isinstance(part, list):
        for value in part:
            yield from environments(value)
