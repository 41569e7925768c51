"""How a Shop's pods get what they know callers by and prove themselves by: as files, never as values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cm_server.rate_limit.trusted_proxies import networks
from shop_core.events import DOMAINS
from shop_operator.desired import consumer as consumers
from shop_operator.desired import credentials, http_services, index_job, policies, shop_consumers

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
KEYS = {"mode": "apikey", "apiKeysSecretRef": {"name": "keys"}}
ISSUER = {"issuer": "https://id.example", "audience": "shop", "jwksUrl": "https://id.example:8443/keys"}


def pod_of(shop: Manifest, part: int) -> Manifest:
    tier = http_services.tiers(shop)[part]
    found: Manifest = http_services.deployment(shop, tier)["spec"]["template"]["spec"]
    return found


def environment(pod: Manifest) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}


def files(pod: Manifest) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each mounted folder, with its Secret and the keys that are in it."""
    volumes = {volume["name"]: volume["secret"] for volume in pod["volumes"] if "secret" in volume}
    return {
        mount["mountPath"]: (
            volumes[mount["name"]]["secretName"],
            tuple(item["path"] for item in volumes[mount["name"]].get("items", [])),
        )
        for mount in pod["containers"][0]["volumeMounts"]
        if mount["name"] in volumes
    }


def test_keys_and_token_are_files_of_the_two_that_need_them(shop: Make) -> None:
    body = shop(auth=KEYS, serviceTokenSecretRef={"name": "token"})
    server, api = pod_of(body, 0), pod_of(body, 1)
    assert environment(server)["AUTH_MODE"] == "apikey"
    assert environment(server)["AUTH_API_KEYS_FILE"] == "/etc/shop/api-keys/keys.json"
    assert files(server) == {
        "/etc/shop/api-keys": ("keys", ("keys.json",)),
        "/etc/shop/service-token": ("token", ("token",)),
    }
    assert environment(server)["CM_API_TOKEN_FILE"] == environment(api)["CM_API_TOKEN_FILE"]
    assert set(files(api)) == {"/etc/shop/service-token", "/etc/shop/mongodb"}
    assert "AUTH_MODE" not in environment(api)


def test_secrets_are_whole_folders_that_the_group_may_read_and_nobody_write(shop: Make) -> None:
    pod = pod_of(shop(auth=KEYS), 0)
    assert pod["securityContext"]["fsGroup"] == 10001
    for volume in pod["volumes"]:
        assert "emptyDir" in volume or volume["secret"]["defaultMode"] == 0o440
    for mount in pod["containers"][0]["volumeMounts"]:
        assert "subPath" not in mount and (mount["readOnly"] if mount["name"] != "tmp" else True)


def test_of_the_databases_secret_only_the_uri_is_mounted(shop: Make) -> None:
    body = shop()
    ref = body["spec"]["mongodb"]["uriSecretRef"]
    (made, *_) = shop_consumers.consumers(shop(consumers=[{"domain": "purchases"}]))
    pods = {
        "api": pod_of(body, 1),
        "indexes": index_job.job(body)["spec"]["template"]["spec"],
        "consumer": consumers.deployment(
            made
            | {"spec": {"stopGraceSeconds": 30, "readOnlyRootFilesystem": True, **made["spec"]}}
            | {"metadata": {**made["metadata"], "uid": "u"}}
        )["spec"]["template"]["spec"],
    }
    for name, pod in pods.items():
        assert files(pod) == {"/etc/shop/mongodb": (ref["name"], (ref["key"],))}, name
        assert environment(pod)["MONGODB_URI_FILE"] == f"/etc/shop/mongodb/{ref['key']}", name


def test_each_part_is_its_own_user_of_kafka_and_mounts_no_other_password(shop: Make) -> None:
    secrets = {"passwordsSecretRef": {"name": "users"}, "caSecretRef": {"name": "tls"}}
    kafka = {"bootstrapServers": "kafka:9092", **secrets}
    body = shop(kafka=kafka, consumers=[{"domain": "purchases"}], ops={})
    (made,) = shop_consumers.consumers(body)
    found = {name: environment(pod_of(body, part)) for part, name in enumerate(("cm-server", "cm-api", "cm-ops"))}
    found["purchases-consumer"] = {entry["name"]: entry["value"] for entry in made["spec"]["env"]}
    for principal, variables in found.items():
        assert variables["KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
        assert variables["KAFKA_SASL_USERNAME"] == principal
        assert variables["KAFKA_SASL_PASSWORD_FILE"] == f"/etc/shop/kafka/{principal}"
        assert variables["KAFKA_SSL_CA_FILE"] == "/etc/shop/kafka-ca/ca.crt"
    mounted = files(pod_of(body, 0))
    assert mounted["/etc/shop/kafka"] == ("users", ("cm-server",))
    assert mounted["/etc/shop/kafka-ca"] == ("tls", ("ca.crt",)), "and never the brokers' key"
    assert {"name": "users", "mountPath": "/etc/shop/kafka", "keys": ["purchases-consumer"]} in made["spec"]["secrets"]


def test_pods_principals_are_those_of_the_table() -> None:
    table = json.loads((Path(__file__).parents[2] / "kafka" / "acls.json").read_text())["principals"]
    consumers = {f"{domain}-consumer" for domain in DOMAINS}
    assert table.keys() >= {"cm-server", "cm-api", "cm-ops", "operator", "keda", "shopctl", *consumers}


def test_each_part_is_its_own_user_of_mongodb(shop: Make) -> None:
    refs = {
        "uriSecretRef": {"name": "m", "key": "writer"},
        "consumerUriKeys": {"analytics": "analytics-consumer"},
        "readerUriSecretRef": {"name": "m", "key": "reader"},
        "migratorUriSecretRef": {"name": "m", "key": "migrator"},
        "caSecretRef": {"name": "ca"},
    }
    body = shop(mongodb={"database": "shop", **refs}, consumers=[{"domain": "purchases"}, {"domain": "analytics"}])
    made, own = shop_consumers.consumers(body)
    job = index_job.job(body)["spec"]["template"]["spec"]
    assert files(pod_of(body, 1)) == {
        "/etc/shop/mongodb": ("m", ("reader",)),
        "/etc/shop/mongodb-ca": ("ca", ("ca.crt",)),
    }
    assert files(job)["/etc/shop/mongodb"] == ("m", ("migrator",))
    assert environment(job)["MONGODB_TLS_CA_FILE"] == "/etc/shop/mongodb-ca/ca.crt"
    assert {"name": "m", "mountPath": "/etc/shop/mongodb", "keys": ["writer"]} in made["spec"]["secrets"]
    login = {"name": "m", "mountPath": "/etc/shop/mongodb", "keys": ["analytics-consumer"]}
    assert login in own["spec"]["secrets"], "who has a user of its own is given no other's URI"


def test_cm_ops_is_the_user_of_mongodb_that_sees_least(shop: Make) -> None:
    refs = {f"{user}UriSecretRef": {"name": "m", "key": user} for user in ("ops", "reader")}
    refs["uriSecretRef"] = {"name": "m", "key": "writer"}
    for user, field in (("ops", ""), ("reader", "opsUriSecretRef"), ("writer", "readerUriSecretRef")):
        refs.pop(field, None)
        pod = pod_of(shop(mongodb={"database": "shop", **refs}, ops={}, serviceTokenSecretRef={"name": "token"}), 2)
        assert files(pod) == {
            "/etc/shop/mongodb": ("m", (user,)),
            "/etc/shop/service-token": ("token", ("token",)),
        }


def test_tokens_of_an_issuer_are_accepted_beside_keys(shop: Make) -> None:
    jwt = ISSUER | {"caSecretRef": {"name": "ca"}, "userClaim": "uid"}
    pod = pod_of(shop(auth={"mode": "jwt", "apiKeysSecretRef": {"name": "keys"}, "jwt": jwt}), 0)
    found = {name: value for name, value in environment(pod).items() if name.startswith("AUTH_")}
    assert found == {
        "AUTH_MODE": "jwt",
        "AUTH_API_KEYS_FILE": "/etc/shop/api-keys/keys.json",
        "AUTH_JWT_ISSUER": "https://id.example",
        "AUTH_JWT_AUDIENCE": "shop",
        "AUTH_JWT_JWKS_URL": "https://id.example:8443/keys",
        "AUTH_JWT_CA_FILE": "/etc/shop/issuer-ca/ca.crt",
        "AUTH_JWT_USER_CLAIM": "uid",
    }
    local = {"issuer": "https://id.example", "audience": "shop", "jwksSecretRef": {"name": "keys-of-issuer"}}
    pod = pod_of(shop(auth={"mode": "jwt", "jwt": local}), 0)
    assert environment(pod)["AUTH_JWT_JWKS_FILE"] == "/etc/shop/jwks/jwks.json"


def test_limits_are_counted_in_the_store_that_is_named(shop: Make) -> None:
    named = pod_of(shop(limits={"rules": "600/60", "url": "redis://cache:6379/1"}), 0)
    assert environment(named)["LIMITS"] == "600/60" and environment(named)["LIMITS_URL"] == "redis://cache:6379/1"
    secret = {"rules": "600/60", "urlSecretRef": {"name": "redis", "key": "address"}}
    pod = pod_of(shop(limits=secret), 0)
    assert "LIMITS_URL" not in environment(pod)
    assert environment(pod)["LIMITS_URL_FILE"] == "/etc/shop/limits/address"
    assert files(pod)["/etc/shop/limits"] == ("redis", ("address",))


def test_the_doors_word_on_the_callers_address_is_taken_only_where_there_is_a_door(shop: Make) -> None:
    assert "HTTP_TRUSTED_PROXIES" not in environment(pod_of(shop(), 0))
    for door in ({"ingress": {"host": "a"}}, {"gateway": {"parentRefs": [{"name": "b"}]}}):
        server = environment(pod_of(shop(**door), 0))
        assert server["HTTP_TRUSTED_PROXIES"] == "1" and server["HTTP_TRUSTED_PROXY_NETWORKS"] == "0.0.0.0/0,::/0"


def test_and_only_from_the_networks_that_are_named(shop: Make) -> None:
    named = {"proxyNetworks": ["10.42.0.0/16", "fd00:42::/48"]}
    for door in ({"ingress": {"host": "a"} | named}, {"gateway": {"parentRefs": [{"name": "b"}]} | named}):
        server, api = (environment(pod_of(shop(**door), part)) for part in (0, 1))
        assert server["HTTP_TRUSTED_PROXY_NETWORKS"] == "10.42.0.0/16,fd00:42::/48"
        assert networks(server["HTTP_TRUSTED_PROXY_NETWORKS"]), "cm-server takes it"
        assert "HTTP_TRUSTED_PROXY_NETWORKS" not in api


def test_the_service_knows_the_names_by_which_the_world_reaches_it(shop: Make) -> None:
    gateway = {"parentRefs": [{"name": "b"}]}
    doors: list[tuple[dict[str, Any], str | None]] = [
        ({}, None),
        ({"ingress": {"host": "shop.example"}}, "shop.example"),
        ({"gateway": gateway}, None),
        ({"gateway": gateway | {"hostnames": ["a.example", "*.b.example", "c.example"]}}, "a.example,c.example"),
    ]
    for door, names in doors:
        assert environment(pod_of(shop(**door), 0)).get("HTTP_ALLOWED_HOSTS") == names


def test_the_api_reference_is_told_where_the_shop_says_something_of_it(shop: Make) -> None:
    assert not {"API_DOCS_ACTIVE", "API_DOCS_PATH"} & environment(pod_of(shop(), 0)).keys()
    for said, active, path in (({"active": False}, "false", "/docs"), ({"path": "/reference"}, "true", "/reference")):
        server, api = (environment(pod_of(shop(server={"docs": said}), part)) for part in (0, 1))
        assert (server["API_DOCS_ACTIVE"], server["API_DOCS_PATH"]) == (active, path)
        assert "API_DOCS_ACTIVE" not in api


def test_policies_let_cm_server_reach_the_store_and_the_issuer_and_no_other(shop: Make) -> None:
    limits = {"rules": "600/60", "url": "redis://cache:6379", "port": 6379}
    body = shop(auth={"mode": "jwt", "jwt": ISSUER}, limits=limits)
    made = {entry["metadata"]["name"]: entry["spec"] for entry in policies.policies(body)}
    wanted = {"ports": [{"port": 6379, "protocol": "TCP"}, {"port": 8443, "protocol": "TCP"}]}
    assert [name for name, spec in made.items() if wanted in spec["egress"]] == ["shop-cm-server"]
    assert not any("6379" in json.dumps(policy) for policy in policies.policies(shop()))


def test_a_shop_that_asks_nobody_is_known_as_such(shop: Make) -> None:
    def open_to_all(**spec: Any) -> bool:
        return credentials.open_to_all(pod_of(shop(**spec), 0)["containers"][0]["env"])

    assert open_to_all() and open_to_all(auth={"mode": "none"}) and not open_to_all(auth=KEYS)
    assert environment(pod_of(shop(), 0))["AUTH_MODE"] == "none"
    # A Shop of before the field was reserved: what runs counts.
    assert open_to_all(auth=KEYS, server={"env": [{"name": "AUTH_MODE", "value": "none"}]})
