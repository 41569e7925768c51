"""The charts as helm renders them in each profile: what they refuse, what pods may do, and that manifests are valid."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from shop_cluster.binaries import HELM
from shop_cluster.client import Client
from shop_cluster.places import ROOT
from shop_cluster.rendering import (
    EXTERNAL,
    PAGES,
    PROFILES,
    UMBRELLA,
    RenderError,
    kubeconform,
    pods,
    render,
    render_text,
    tool,
    unrestricted,
)
from shop_core.admin.acl_table import Rule, Table
from shop_core.api_keys import ApiKeys
from shop_core.auth import ADMIN
from shop_core.events import DOMAINS
from shop_operator.desired import kafka_login

MISSPELT = (
    "shop.sever.replicas=2",
    "shop.server.replica=2",
    "shop.consumers.purchases.minReplica=0",
    "shop.kafka.topics.partition=3",
    "shop.campaignWarmUp.minutes=5",
    "cache.uri=redis://a",
    "ingres.host=x",
    "ingress.tls.secret=x",
    "operator.replica=2",
    "kafka.brokers.replica=1",
    "kafka.bootstrapServer=x:1",
    "mongodb.url=x",
    "mongodb.arbiter.enable=true",
    "global.networkPolicy=true",
    "auth.modes=none",
    "auth.jwt.jwkUrl=https://a",
    "limits.rule=1/1",
)


@pytest.fixture(params=PROFILES)
def manifests(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return render(*PROFILES[request.param])


def shop_of(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    return next(m for m in manifests if m["kind"] == "Shop")


@pytest.mark.security(2, 3, 4, 5, 9)
def test_every_pod_is_restricted_and_says_what_it_needs(manifests: list[dict[str, Any]]) -> None:
    found = {name: unrestricted(pod) for name, pod in pods(manifests).items()}
    assert found and all(faults == [] for faults in found.values()), found


@pytest.mark.security(6)
def test_only_those_who_ask_the_api_server_have_a_token(manifests: list[dict[str, Any]]) -> None:
    with_token = {name for name, pod in pods(manifests).items() if pod["automountServiceAccountToken"]}
    assert with_token == {"Deployment/shop-operator", "Job/shop-uninstall"}
    for pod in pods(manifests).values():
        assert pod.get("serviceAccountName") != "default"


@pytest.mark.security(13)
def test_no_manifest_names_a_password_or_replicas_beside_an_autoscaler(manifests: list[dict[str, Any]]) -> None:
    shop = shop_of(manifests)
    for tier in ("server", "api"):
        assert ("replicas" in shop["spec"][tier]) != ("autoscaling" in shop["spec"][tier])
    for pod in pods(manifests).values():
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            for variable in container.get("env", []):
                secret = re.search("PASSWORD|SECRET|TOKEN|_URL$", variable["name"]) and variable["name"] != "SHOP_URL"
                is_file = variable.get("value", "").startswith("/")
                assert not (secret and "value" in variable and not is_file), variable


def test_random_secrets_differ_from_render_to_render() -> None:
    first, second = (render(*PAGES), render(*PAGES))
    names = {
        "shop-mongodb": "shop-writer",
        "shop-kafka-users": "admin",
        "shop-kafka-keda": "password",
        "shop-kafka-tls": "tls.key",
        "shop-kafka-ui": "password",
        "shop-mongo-express": "password",
        "shop-admin-key": "key",
        "shop-service-token": "token",
    }
    for name, key in names.items():
        one, other = (
            next(m for m in ms if m["kind"] == "Secret" and m["metadata"]["name"] == name) for ms in (first, second)
        )
        assert len(base64.b64decode(one["data"][key])) >= 24
        assert one["data"][key] != other["data"][key]


@pytest.mark.parametrize("value", MISSPELT)
@pytest.mark.parametrize("profile", ["default", "external"])
def test_a_misspelt_value_is_refused(value: str, profile: str) -> None:
    with pytest.raises(RenderError, match="not allowed"):
        render(*PROFILES[profile], "--set", value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kafka.enabled=false",), "There is no Kafka"),
        (("kafka.bootstrapServers=a:1",), "not both"),
        (("mongodb.enabled=false",), "exactly one MongoDB"),
        (("mongodb.uri=mongodb://a",), "exactly one MongoDB"),
        (("mongodb.enabled=false,mongodb.uri=mongodb://user:secret@a",), "does not match pattern"),
        (("cache.url=redis://a", "cache.existingSecret.name=b"), "not both"),
        (("cache.url=redis://:secret@a",), "does not match pattern"),
        (("ingress.host=",), "ingress.host is empty"),
        (("kafka.brokers.replicas=1",), "there will be 1 brokers"),
        (("shop.mongodb.database=other",), "differ"),
        (("shop.images.tag=latest",), "shop/images/tag"),
        (("auth.mode=jwt,auth.jwt.issuer=https://a",), "set auth.jwt.issuer, auth.jwt.audience"),
        (("auth.jwt.issuer=https://a",), "auth.mode is not jwt"),
        (("kafka.security.existingSecrets.users=u",), "all three Secrets or none"),
        (("kafka.clientsSecret=u",), "for a Kafka that is there"),
        (("limits.url=redis://:secret@a",), "does not match pattern"),
        (("limits.rules=", "limits.url=redis://a"), "no rules"),
        (("limits.rules=often",), "does not match pattern"),
        (("ingress.annotations.nginx\\.ingress\\.kubernetes\\.io/server-snippet=x",), "propert"),
        (("shop.catalogCaching.maxAge=5",), "set auth.mode=none"),
        (("ingress.proxyNetworks={10.42.0.7}",), "does not match pattern"),
        (("ingress.sourceRanges={192.0.2.7}",), "does not match pattern"),
        (
            ("ingress.sourceRanges={192.0.2.0/24}", "gateway.parentRefs[0].name=a"),
            "an HTTPRoute cannot keep addresses out",
        ),
        (("ingress.sourceRanges={192.0.2.0/24}", "ingress.enabled=false"), "there is no Ingress"),
        (("ingress.sourceRanges={192.0.2.0/24}", "ingress.className=traefik"), "class nginx only"),
        (("ingress.sourceRanges={192.0.2.0/24}", "ingress.className="), "class nginx only"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(RenderError, match=said):
        render(*(part for word in words for part in ("--set", word)))


@pytest.mark.security(19)
def test_one_value_turns_the_ingress_into_a_route() -> None:
    shop = shop_of(render("--set", "gateway.parentRefs[0].name=public"))
    assert "ingress" not in shop["spec"]
    assert shop["spec"]["gateway"] == {"parentRefs": [{"name": "public"}], "hostnames": ["shop.localtest.me"]}


@pytest.mark.security(32)
def test_each_door_names_the_networks_of_its_proxy() -> None:
    networks = ("--set", "ingress.proxyNetworks={10.42.0.0/16},gateway.proxyNetworks={192.0.2.7/32,fd00::/48}")
    assert shop_of(render(*networks))["spec"]["ingress"]["proxyNetworks"] == ["10.42.0.0/16"]
    routed = shop_of(render(*networks, "--set", "gateway.parentRefs[0].name=public"))["spec"]["gateway"]
    assert routed["proxyNetworks"] == ["192.0.2.7/32", "fd00::/48"]
    assert "proxyNetworks" not in shop_of(render())["spec"]["ingress"]


def test_caches_are_told_how_long_only_where_it_is_said() -> None:
    words = ("auth.mode=none", "shop.catalogCaching.maxAge=5", "shop.catalogCaching.staleWhileRevalidate=10")
    made = shop_of(render(*(part for word in words for part in ("--set", word))))["spec"]["server"]["env"]
    told = {entry["name"]: entry["value"] for entry in made}
    assert told == {"CATALOG_MAX_AGE": "5", "CATALOG_STALE_WHILE_REVALIDATE": "10"}
    assert "env" not in shop_of(render())["spec"]["server"]


@pytest.mark.security(32)
def test_the_shop_is_told_who_may_connect_only_where_somebody_is_named() -> None:
    till = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "tills"}}}]
    assert shop_of(render("--set-json", f"shop.callers={json.dumps(till)}"))["spec"]["network"]["callers"] == till
    assert "callers" not in shop_of(render())["spec"]["network"]


def test_the_ingress_names_whom_it_lets_in() -> None:
    shop = shop_of(render("--set", "ingress.sourceRanges={192.0.2.0/24,2001:db8::/32}"))
    assert shop["spec"]["ingress"]["sourceRanges"] == ["192.0.2.0/24", "2001:db8::/32"]
    assert "sourceRanges" not in shop_of(render())["spec"]["ingress"]


def test_tls_comes_from_a_secret_or_an_issuer() -> None:
    given = shop_of(render("--set", "ingress.tls.secretName=mine"))["spec"]["ingress"]
    redirect = "nginx.ingress.kubernetes.io/ssl-redirect"
    assert given["tls"] == {"secretName": "mine"} and given["annotations"] == {redirect: "true"}
    plain = shop_of(render())["spec"]["ingress"]
    assert "tls" not in plain and "annotations" not in plain
    other = shop_of(render("--set", "ingress.tls.secretName=mine,ingress.className=traefik"))["spec"]["ingress"]
    assert "annotations" not in other
    issued = shop_of(render("--set", "ingress.tls.issuer.name=letsencrypt"))["spec"]["ingress"]
    assert issued["tls"] == {"secretName": "shop-tls"}
    assert issued["annotations"] == {"cert-manager.io/cluster-issuer": "letsencrypt", redirect: "true"}


@pytest.mark.security(13)
def test_parts_that_are_there_already_are_used_by_address_and_secret() -> None:
    manifests = render(*EXTERNAL)
    spec = shop_of(manifests)["spec"]
    assert spec["kafka"]["bootstrapServers"] == "kafka.elsewhere:9094"
    assert spec["kafka"]["secretRef"] == {"name": "kafka-login"}
    assert spec["kafka"]["passwordsSecretRef"] == {"name": "kafka-users"}
    assert spec["kafka"]["caSecretRef"] == {"name": "kafka-ca"} and "kedaSecretRef" not in spec["kafka"]
    assert spec["mongodb"]["uriSecretRef"] == {"name": "mongodb-login", "key": "uri"}
    assert spec["mongodb"]["readerUriSecretRef"] == {"name": "mongodb-login", "key": "reader"}
    assert not spec["mongodb"].keys() & {"opsUriSecretRef", "migratorUriSecretRef", "consumerUriKeys", "caSecretRef"}
    own = shop_of(render(*EXTERNAL, "--set", "mongodb.existingSecret.consumerKeys.analytics=counts"))
    assert own["spec"]["mongodb"]["consumerUriKeys"] == {"analytics": "counts"}
    own = shop_of(render(*EXTERNAL, "--set", "mongodb.existingSecret.opsKey=positions"))
    assert own["spec"]["mongodb"]["opsUriSecretRef"] == {"name": "mongodb-login", "key": "positions"}
    assert spec["auth"]["apiKeysSecretRef"] == {"name": "keys"} and spec["serviceTokenSecretRef"] == {"name": "token"}
    assert spec["limits"] == {"rules": "600/60", "port": 6379, "urlSecretRef": {"name": "redis", "key": "url"}}
    assert not [m for m in manifests if m["kind"] in ("StatefulSet", "Secret")]


def test_cm_ops_is_the_shops_unless_somebody_says_otherwise() -> None:
    ops = shop_of(render())["spec"]["ops"]
    assert ops["threads"] == 4 and ops["resources"]["limits"]["memory"] == "256Mi" and "enabled" not in ops
    assert "ops" not in shop_of(render("--set", "shop.ops.enabled=false"))["spec"]
    with pytest.raises(RenderError, match="not allowed"):
        render("--set", "shop.ops.replicas=2")
    with pytest.raises(RenderError, match=r"shop\.ops\.resources.*memory"):
        render("--set", "shop.ops.resources.requests.memory=1Gi")


def test_a_warm_up_and_a_shared_cache_are_the_shops() -> None:
    bare = shop_of(render())["spec"]
    assert "campaignWarmUp" not in bare and "cache" not in bare
    spec = shop_of(render("--set", "shop.campaignWarmUp.consumers={analytics}", "--set", "cache.url=redis://a:1/0"))[
        "spec"
    ]
    assert spec["campaignWarmUp"] == {"consumers": ["analytics"], "extraReplicas": 2, "minutesBefore": 10}
    assert spec["cache"] == {"url": "redis://a:1/0", "port": 6379}
    spec = shop_of(render("--set", "cache.existingSecret.name=cache-login"))["spec"]
    assert spec["cache"] == {"urlSecretRef": {"name": "cache-login", "key": "url"}, "port": 6379}


def test_the_key_that_is_told_is_the_one_whose_hash_is_kept(tmp_path: Path) -> None:
    secrets = {m["metadata"]["name"]: m.get("data", {}) for m in render(*PROFILES["cluster"]) if m["kind"] == "Secret"}
    file = tmp_path / "keys.json"
    file.write_bytes(base64.b64decode(secrets["shop-api-keys"]["keys.json"]))
    key = base64.b64decode(secrets["shop-admin-key"]["key"]).decode()
    assert ApiKeys(str(file)).caller(key).may(ADMIN)
    assert key.rpartition("_")[2] not in file.read_text()
    assert len(base64.b64decode(secrets["shop-service-token"]["token"])) >= 32


def test_callers_are_asked_unless_somebody_says_otherwise() -> None:
    assert shop_of(render())["spec"]["auth"] == {"mode": "apikey", "apiKeysSecretRef": {"name": "shop-api-keys"}}
    manifests = render("--set", "auth.mode=none")
    assert shop_of(manifests)["spec"]["auth"] == {"mode": "none"}
    names = {m["metadata"]["name"] for m in manifests if m["kind"] == "Secret"}
    assert "shop-service-token" in names and not {"shop-api-keys", "shop-admin-key"} & names


def test_an_issuer_is_told_to_the_shop() -> None:
    words = "auth.mode=jwt,auth.jwt.issuer=https://id.example,auth.jwt.audience=shop"
    said = shop_of(render("--set", f"{words},auth.jwt.jwksUrl=https://id.example/keys,auth.jwt.caSecret=ca"))
    assert said["spec"]["auth"]["jwt"] == {
        "issuer": "https://id.example",
        "audience": "shop",
        "jwksUrl": "https://id.example/keys",
        "caSecretRef": {"name": "ca"},
    }


def test_kafka_speaks_tls_only_and_knows_its_users() -> None:
    manifests = {(m["kind"], m["metadata"]["name"]): m for m in render()}
    lines = manifests["ConfigMap", "shop-kafka"]["data"]["common.properties"].splitlines()
    protocols = next(line for line in lines if line.startswith("listener.security.protocol.map="))
    assert "PLAINTEXT" not in protocols and "CLIENT:SASL_SSL" in protocols
    assert any("StandardAuthorizer" in line for line in lines)
    table = json.loads((ROOT / "kafka" / "acls.json").read_text())["principals"]
    users = manifests["Secret", "shop-kafka-users"]["data"]
    assert set(users) == {"admin", *table} and len(set(users.values())) == len(users)
    for who in ("operator", "keda"):
        assert manifests["Secret", f"shop-kafka-{who}"]["data"]["password"] == users[who]
    [job] = [m for (kind, name), m in manifests.items() if kind == "Job" and "kafka-access" in name]
    assert "helm.sh/hook" not in job["metadata"].get("annotations", {}), (
        "hooks run once all is ready, which waits for it"
    )
    assert json.loads(manifests["ConfigMap", "shop-kafka-access"]["data"]["acls.json"])["principals"] == table


@pytest.mark.security(34)
def test_the_logins_of_the_operator_and_of_keda_go_to_this_kafka_only() -> None:
    manifests = render()
    secrets = {m["metadata"]["name"]: m for m in manifests if m["kind"] == "Secret"}
    kafka = shop_of(manifests)["spec"]["kafka"]
    brokers = "shop-kafka-broker-0.shop-kafka-broker.shop.svc.cluster.local:9092"
    for servers in (kafka["bootstrapServers"], "shop-kafka:9092", "shop-kafka.shop:9092", brokers):
        assert kafka_login.read(kafka | {"bootstrapServers": servers}, secrets.get).user == "operator"
    keda = {"bootstrapServers": "attacker:9092", "kedaSecretRef": kafka["kedaSecretRef"]}
    elsewhere = f"{kafka['bootstrapServers']},shop-kafka.other.svc:9092"
    for refused in (keda, kafka | {"bootstrapServers": elsewhere}):
        with pytest.raises(kafka_login.BadSecret, match="is not for"):
            kafka_login.read(refused, secrets.get)


def test_kafka_knows_the_users_that_the_values_add() -> None:
    may = [{"resource": "TOPIC", "name": "shop.purchases", "pattern": "LITERAL", "operations": ["READ"]}]
    reports = {"why": "counts sales", "may": may}
    added = ("--set-json", f"kafka.security.extraUsers={json.dumps({'reports': reports})}")
    manifests = {(m["kind"], m["metadata"]["name"]): m for m in render(*added)}
    table = json.loads(manifests["ConfigMap", "shop-kafka-access"]["data"]["acls.json"])
    ours = json.loads((ROOT / "kafka" / "acls.json").read_text())["principals"]
    assert table == {"principals": ours | {"reports": reports}}
    assert Rule("User:reports", "TOPIC", "shop.purchases", "LITERAL", "READ") in msgspec.convert(table, Table).rules()
    assert len(base64.b64decode(manifests["Secret", "shop-kafka-users"]["data"]["reports"])) == 32


@pytest.mark.parametrize(
    ("added", "words", "said"),
    [
        ({"keda": {"why": "x", "may": []}}, (), "keda is a user of the shop's own"),
        ({"admin": {"why": "x", "may": []}}, (), "admin is a user of the shop's own"),
        ({"x": {"why": "x", "may": [{"resource": "TOPIC", "name": "a", "operations": ["RAED"]}]}}, (), "operations"),
        ({"x": {"may": []}}, (), "why"),
        ({"x": {"why": "x", "may": []}}, ("--set", "kafka.security.enabled=false"), "shopctl kafka acls"),
        ({"x": {"why": "x", "may": []}}, EXTERNAL, "shopctl kafka acls"),
    ],
)
def test_users_that_cannot_be_added(added: dict[str, object], words: tuple[str, ...], said: str) -> None:
    with pytest.raises(RenderError, match=said):
        render("--set-json", f"kafka.security.extraUsers={json.dumps(added)}", *words)


def test_kafka_takes_secrets_and_issuers_of_others() -> None:
    names = "users=u,kafka.security.existingSecrets.operator=o,kafka.security.existingSecrets.keda=k"
    given = ("--set", f"kafka.security.existingSecrets.{names},kafka.security.certificate.issuer.name=ours")
    manifests = render(*given)
    kafka = shop_of(manifests)["spec"]["kafka"]
    assert {field: kafka[field]["name"] for field in kafka if field.endswith("Ref")} == {
        "secretRef": "o",
        "kedaSecretRef": "k",
        "passwordsSecretRef": "u",
        "caSecretRef": "shop-kafka-tls",
    }
    made = {m["metadata"]["name"] for m in manifests if m["kind"] == "Secret"}
    assert not {name for name in made if "kafka" in name}
    [certificate] = [m for m in manifests if m["kind"] == "Certificate"]
    assert certificate["spec"]["commonName"] == "shop-kafka" and certificate["spec"]["secretName"] == "shop-kafka-tls"


def test_pages_for_people_log_in_as_users_that_only_read() -> None:
    containers = {
        container["name"]: {each["name"]: each for each in container["env"]}
        for m in render(*PAGES)
        if m["kind"] == "Deployment"
        for container in m["spec"]["template"]["spec"]["containers"]
    }
    kafka_ui, mongo_express = containers["kafka-ui"], containers["mongo-express"]
    login = kafka_ui["KAFKA_CLUSTERS_0_PROPERTIES_SASL_JAAS_CONFIG"]["value"]
    assert 'username="kafka-ui"' in login and kafka_ui["KAFKA_CLUSTERS_0_READONLY"]["value"] == "true"
    assert kafka_ui["KAFKA_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "shop-kafka-users", "key": "kafka-ui"}
    uri = mongo_express["ME_CONFIG_MONGODB_URL"]["valueFrom"]["secretKeyRef"]
    assert uri == {"name": "shop-mongodb", "key": "uri-shop-reader"}


def test_plaintext_has_to_be_asked_for() -> None:
    manifests = render("--set", "kafka.security.enabled=false")
    assert not [name for name in shop_of(manifests)["spec"]["kafka"] if name.endswith("Ref")]
    assert not [m for m in manifests if "kafka" in m["metadata"]["name"] and m["kind"] in ("Secret", "Job")]


def test_mongodb_has_a_user_for_each_purpose_and_tls_where_it_is_asked_for() -> None:
    manifests = {(m["kind"], m["metadata"]["name"]): m for m in render("--set", "mongodb.tls.enabled=true")}
    users = json.loads((ROOT / "mongodb" / "users.json").read_text())["users"]
    secret = manifests["Secret", "shop-mongodb"]["data"]
    assert set(secret) == {"keyfile", "rootPassword", *users, *(f"uri-{user}" for user in users)}
    spec = shop_of(list(manifests.values()))["spec"]["mongodb"]
    assert {field: spec[field]["key"] for field in spec if "UriSecretRef" in field or field == "uriSecretRef"} == {
        "uriSecretRef": "uri-shop-writer",
        "readerUriSecretRef": "uri-shop-reader",
        "opsUriSecretRef": "uri-cm-ops",
        "migratorUriSecretRef": "uri-shop-migrator",
    }
    assert spec["consumerUriKeys"] == {domain: f"uri-{domain}-consumer" for domain in DOMAINS}
    assert spec["caSecretRef"] == {"name": "shop-mongodb-tls"}
    mongod = manifests["StatefulSet", "shop-mongodb"]["spec"]["template"]["spec"]["containers"][0]
    assert "--tlsMode=requireTLS" in mongod["command"]
    for pod in pods(list(manifests.values())).values():
        for container in pod["containers"]:
            assert "rootPassword" not in str(container.get("env", [])), "passwords of MongoDB's setup are files"


def test_drain_time_counts_instead_of_the_threshold_and_null_takes_a_consumer_away() -> None:
    words = ("--set", "shop.consumers.purchases.drainWithin=30s", "--set", "shop.consumers.analytics=null")
    consumers = {c["domain"]: c for c in shop_of(render(*words))["spec"]["consumers"]}
    assert "lagThreshold" not in consumers["purchases"] and consumers["purchases"]["drainWithin"] == "30s"
    assert set(consumers) == {"purchases", "catalog", "campaigns"}


@pytest.mark.security(12)
def test_production_has_no_api_page_unless_somebody_says_otherwise() -> None:
    for words, active in (((), False), (("--set", "shop.server.docs.active=true"), True)):
        [shop] = [m for m in render(*PROFILES["prod"], *words) if m["kind"] == "Shop"]
        assert shop["spec"]["server"]["docs"] == {"active": active, "path": "/docs"}


def test_production_survives_the_loss_of_a_machine() -> None:
    manifests = render(*PROFILES["prod"])
    sets = {m["metadata"]["name"]: m["spec"] for m in manifests if m["kind"] == "StatefulSet"}
    assert {name: spec["replicas"] for name, spec in sets.items()} == {
        "shop-kafka-controller": 3,
        "shop-kafka-broker": 3,
        "shop-mongodb": 3,
    }
    for spec in sets.values():
        [rule] = spec["template"]["spec"]["topologySpreadConstraints"]
        assert rule["whenUnsatisfiable"] == "DoNotSchedule"
        assert spec["volumeClaimTemplates"]
    budgets = [m["spec"]["maxUnavailable"] for m in manifests if m["kind"] == "PodDisruptionBudget"]
    assert budgets == [1, 1, 1, 1]


def test_the_cluster_id_of_kafka_outlives_upgrades_and_reinstalls() -> None:
    ids = {
        variable["value"]
        for name in ("dev", "prod")
        for pod in pods(render(*PROFILES[name])).values()
        for container in pod["containers"]
        for variable in container.get("env", [])
        if variable["name"] == "CLUSTER_ID"
    }
    assert len(ids) == 1 and len(ids.pop()) == 22


@pytest.fixture(scope="session")
def schemas(k8s: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the API server takes, our and KEDA's definitions included, as kubeconform reads it, and closed."""
    folder = tmp_path_factory.mktemp("schemas")
    k8s.define(*sorted((ROOT / "charts/shop-operator/crds").glob("*.yaml")))
    for path in json.loads(k8s.kubectl("get", "--raw", "/openapi/v3"))["paths"]:
        components = json.loads(k8s.kubectl("get", "--raw", f"/openapi/v3/{path}")).get("components", {})
        for name, schema in components.get("schemas", {}).items():
            for kind in schema.get("x-kubernetes-group-version-kind", []):
                group = f"{kind['group'].split('.')[0]}-" if kind["group"] else ""
                file = folder / f"{kind['kind']}-{group}{kind['version']}.json".lower()
                file.write_text(json.dumps({"$ref": f"#/components/schemas/{name}", "components": closed(components)}))
    return folder


def closed(part: Any) -> Any:
    """Objects with named properties take no others."""
    if isinstance(part, list):
        return [closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    made = {key: closed(value) for key, value in part.items()}
    if (
        made.get("type") == "object"
        and isinstance(made.get("properties"), dict)
        and "x-kubernetes-preserve-unknown-fields" not in made
    ):
        made.setdefault("additionalProperties", False)
    return made


@pytest.mark.parametrize("profile", PROFILES)
def test_kubeconform_finds_no_fault(profile: str, schemas: Path) -> None:
    template = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [kubeconform(), "-strict", "-summary", "-output", "json", "-schema-location", template]
    # Definitions themselves are checked by the API server, which has taken them.
    command += ["-skip", "CustomResourceDefinition"]
    done = subprocess.run(command, input=render_text(*PROFILES[profile]), capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["resources"] in ([], None) and done.returncode == 0, report
    assert report["summary"]["valid"] >= 10


def test_kubeconform_would_find_a_fault(schemas: Path, tmp_path: Path) -> None:
    shop = shop_of(render())
    shop["spec"]["servr"] = {}
    template = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [kubeconform(), "-strict", "-schema-location", template]
    done = subprocess.run(command, input=yaml.safe_dump(shop), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "servr" in done.stdout


def test_a_package_holds_the_charts_below_it_and_renders_alike(tmp_path: Path) -> None:
    subprocess.run([tool(HELM, "helm"), "package", str(UMBRELLA), "-d", str(tmp_path)], check=True, capture_output=True)
    [package] = tmp_path.iterdir()
    dev = PROFILES["dev"]

    def names(chart: Path) -> list[str]:
        found = sorted(f"{m['kind']}/{m['metadata']['name']}" for m in render(*dev, chart=chart))
        # Named after passwords as well, which differ from render to render.
        return [re.sub("kafka-access-[0-9a-f]{8}", "kafka-access", name) for name in found]

    assert names(package) == names(UMBRELLA)


@pytest.mark.parametrize("name", ["shop-operator", "kafka", "mongodb"])
def test_each_chart_stands_for_itself(name: str) -> None:
    chart = UMBRELLA.parent / name
    assert render(chart=chart)
    [values] = (chart / "ci").glob("*-values.yaml")
    for pod in pods(render("-f", str(values), chart=chart)).values():
        assert unrestricted(pod) == []


@pytest.mark.parametrize("name", ["scalable-shop", "shop-operator", "kafka", "mongodb", "shop-library"])
def test_helm_lint_finds_nothing(name: str) -> None:
    command = [tool(HELM, "helm"), "lint", "--strict", str(UMBRELLA.parent / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "[WARNING]" not in done.stdout, done.stdout + done.stderr


def test_the_chart_installs_from_an_archive_of_git(tmp_path: Path) -> None:
    """As a Flux GitRepository, a download and a clone on Windows hold it: files alone, and no other folder."""
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "charts/scalable-shop")
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if not (ROOT / name).is_symlink() and (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    lone = render_text(*PROFILES["gitops"], chart=tmp_path / "charts" / "scalable-shop")
    assert lone == render_text(*PROFILES["gitops"])


def test_the_locks_are_those_that_helm_writes(tmp_path: Path) -> None:
    """`helm dependency build` refuses a lock that does not fit Chart.yaml; it needs no network here."""
    shutil.copytree(ROOT / "charts", tmp_path / "charts")
    for name in ("kafka", "mongodb", "shop-operator", "scalable-shop"):
        chart = tmp_path / "charts" / name
        command = [tool(HELM, "helm"), "dependency", "build", str(chart)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "out of sync" not in done.stderr, done.stderr
    rendered = render_text(*PROFILES["gitops"], chart=tmp_path / "charts" / "scalable-shop")
    assert rendered == render_text(*PROFILES["gitops"])
