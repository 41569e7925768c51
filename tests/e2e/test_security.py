"""Who may do what on the installed release: callers, the way to cm-api, and where secrets are not to be found."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shop_cluster.canaries import secrets, seen
from shop_cluster.commands import ClusterError
from shop_cluster.installation import Installation
from shop_core import api_keys

USER = "e2e-security"
PURCHASE = json.dumps({"username": USER, "userid": USER, "price": "1.00"}).encode()
# A Secret that was changed comes into the pods with the kubelet's next look.
KUBELET_SECONDS = 150


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.security(20)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/buy", PURCHASE),
        ("GET", f"/getAllUserBuys/{USER}", None),
        ("GET", f"/v1/users/{USER}", None),
        ("GET", "/v1/products", None),
        ("DELETE", f"/v1/users/{USER}", None),
    ],
)
def test_without_a_key_nobody_gets_in(shop: Installation, method: str, path: str, body: bytes | None) -> None:
    for headers in ({}, bearer("shop_aaaaaaaaaaaa_" + "a" * 43), {"X-API-Key": "x"}):
        answer = shop.ask(method, path, body=body, headers=headers)
        assert answer.status == 401, (method, path, headers, answer.data)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert shop.ask("GET", "/healthz").status == 200


def test_the_key_that_notes_tell_of_gets_in(shop: Installation) -> None:
    bought = shop.request("POST", "/buy", body=PURCHASE)
    assert bought.status == 200
    history = f"/getAllUserBuys/{USER}?after={bought.json()['receipt']}"
    assert shop.ask("GET", history, headers={"X-API-Key": shop.key}).status == 200


@pytest.fixture(scope="module")
def keys(shop: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A till and a customer, added to the Secret by the lines that NOTES tell."""
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    before = shop.secret("api-keys", "keys.json")
    file.write_text(before)
    made = {
        "till": api_keys.create(file, "till", "purchases:write")[1],
        "customer": api_keys.create(file, "ada", "purchases:write", userid=USER)[1],
    }
    put(shop, file)
    yield made
    file.write_text(before)
    put(shop, file)


def put(shop: Installation, file: Path) -> None:
    said = {"keys.json": base64.b64encode(file.read_bytes()).decode()}
    head = {"name": f"{shop.name}-api-keys", "namespace": shop.namespace}
    shop.apply({"apiVersion": "v1", "kind": "Secret", "metadata": head, "data": said})


def servers(shop: Installation) -> set[str]:
    chosen = shop.pods("-l", f"app.kubernetes.io/name=cm-server,app.kubernetes.io/instance={shop.name}")
    return {pod["metadata"]["uid"] for pod in chosen}


@pytest.mark.security(21)
def test_keys_come_to_the_pods_without_a_restart_and_are_held_to_their_scopes(
    shop: Installation, keys: dict[str, str], until: Callable[..., None]
) -> None:
    pods = servers(shop)

    def status(name: str, method: str, path: str, body: bytes | None = None) -> int:
        return shop.ask(method, path, body=body, headers=bearer(keys[name])).status

    def known() -> bool:
        # Several in a row, as each process of each pod looks at the file by itself.
        return all(status("till", "POST", "/buy", PURCHASE) == 200 for _ in range(8))

    until(known, "every pod knows the new keys", KUBELET_SECONDS)
    assert servers(shop) == pods
    assert status("till", "GET", f"/v1/users/{USER}/purchases") == 403
    assert status("till", "DELETE", f"/v1/users/{USER}") == 403
    assert status("till", "POST", "/v1/products", b"{}") == 403
    assert status("customer", "GET", f"/v1/users/{USER}") == 200
    assert status("customer", "GET", "/v1/users/somebody-else") == 403
    other = json.dumps({"username": "b", "userid": "somebody-else", "price": "1.00"}).encode()
    assert status("customer", "POST", "/buy", other) == 403
    assert status("customer", "POST", "/buy", PURCHASE) == 200


def test_an_upgrade_keeps_keys_and_token(shop: Installation, until: Callable[..., None]) -> None:
    names = {"admin-key": "key", "api-keys": "keys.json", "service-token": "token"}
    before = {name: shop.secret(name, key) for name, key in names.items()}
    shop.upgrade("--set", "jobs.resources.requests.cpu=25m")
    assert {name: shop.secret(name, key) for name, key in names.items()} == before
    # What a test before had set goes with the upgrade, so that single pods may be replaced: a 503 is no lost key.
    until(lambda: shop.request("GET", f"/v1/users/{USER}").status == 200, "the key opens as before", 60)


def test_cm_api_answers_nobody_but_cm_server(shop: Installation) -> None:
    base = f"/api/v1/namespaces/{shop.namespace}/services/{shop.name}-cm-api:http/proxy"
    assert "Success" in shop.k8s.kubectl("get", "--raw", f"{base}/healthz")
    with pytest.raises(ClusterError, match=r"401|Unauthorized|provide credentials"):
        shop.k8s.kubectl("get", "--raw", f"{base}/users/{USER}")


def test_the_shop_says_that_it_asks_its_callers(shop: Installation) -> None:
    found = {entry["type"]: entry for entry in shop.get("shop", shop.name)["status"]["conditions"]}
    assert (
        found["AuthenticationDisabled"]["status"] == "False" and "apikey" in found["AuthenticationDisabled"]["message"]
    )


# Run in a pod of the shop, so by its own login: what Kafka says to somebody who ought not to get what they ask for.
ASKING = """
import os, sys
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from shop_core.config.settings import KafkaSettings, load
from shop_core.kafka.connection import KafkaConnection
options = KafkaConnection.of(load(KafkaSettings, os.environ)).options()
way = sys.argv[1]
if way == "plaintext":
    options = {"bootstrap_servers": options["bootstrap_servers"]}
if way == "nameless":
    options = {name: options[name] for name in ("bootstrap_servers", "ssl_cafile")} | {"security_protocol": "SSL"}
if way == "stranger":
    options["sasl_plain_password"] = "x"
try:
    if way == "write":
        KafkaProducer(**options).send("shop.purchases", b"{}").get(20)
        print("let in")
    else:
        consumer = KafkaConsumer(consumer_timeout_ms=8000, **options)
        consumer.assign([TopicPartition("shop.purchases", number) for number in range(6)])
        consumer.seek_to_beginning()
        # To whom a topic may not even be described, it looks as if it were not there.
        found = next(consumer, None)
        print("let in" if found else "refused: nothing to be seen")
except (KafkaError, AssertionError) as error:
    print("refused", type(error).__name__)
"""


def pod_of(shop: Installation, labels: str) -> str:
    found: str = shop.get("pods", "-l", labels)["items"][0]["metadata"]["name"]
    return found


def asks(shop: Installation, pod: str, way: str) -> str:
    return shop.kubectl("exec", pod, "--", "python", "-c", ASKING, way).strip()


@pytest.mark.security(15, 16)
@pytest.mark.parametrize(
    ("who", "way", "said"),
    [
        ("app.kubernetes.io/name=cm-server", "plaintext", "refused "),
        ("app.kubernetes.io/name=cm-server", "nameless", "refused "),
        ("app.kubernetes.io/name=cm-server", "stranger", "refused "),
        ("app.kubernetes.io/name=cm-server", "read", "refused TopicAuthorizationFailedError"),
        ("scalable-shop.dev/consumer=purchases", "write", "refused TopicAuthorizationFailedError"),
        ("scalable-shop.dev/consumer=catalog", "read", "refused: nothing to be seen"),
        ("scalable-shop.dev/consumer=purchases", "read", "let in"),
    ],
)
def test_kafka_refuses_plaintext_strangers_and_what_is_not_in_the_table(
    shop: Installation, who: str, way: str, said: str
) -> None:
    assert asks(shop, pod_of(shop, who), way).startswith(said)


def inside(shop: Installation, pod: str, file: str) -> str:
    """What a file of a pod holds, as its process sees it."""
    return shop.kubectl("exec", pod, "--", "cat", file)


@pytest.mark.security(13, 26)
def test_no_secret_is_in_a_manifest_an_environment_a_log_or_an_event(shop: Installation) -> None:
    wanted = secrets(shop)
    assert any(name.startswith("hash of") for name in wanted) and f"{shop.name}-service-token/token" in wanted
    kinds = "pods,deployments,statefulsets,jobs,configmaps,shops,shopconsumers,ingresses,scaledobjects,events"
    texts = {"manifests and events": json.dumps(shop.get(kinds))}
    for pod in shop.get("pods")["items"]:
        name = pod["metadata"]["name"]
        texts[f"log of {name}"] = shop.kubectl("logs", name, "--all-containers")
        if pod["status"]["phase"] == "Running":
            texts[f"environment of {name}"] = inside(shop, name, "/proc/1/environ")
    assert sum(name.startswith("environment") for name in texts) >= 8
    assert seen(wanted, texts) == []


def test_the_search_would_find_a_secret(shop: Installation) -> None:
    """The same way of looking, at what is there on purpose."""
    name = pod_of(shop, "app.kubernetes.io/name=cm-server")
    file = "/etc/shop/service-token/token"
    assert inside(shop, name, file) == secrets(shop)[f"{shop.name}-service-token/token"]
    assert file in inside(shop, name, "/proc/1/environ")
