"""The chart as a user installs it: README's lines through the ingress, the page, `helm test`, upgrade and uninstall."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from shop_cluster.client import Client
from shop_cluster.installation import ADDRESS, PREFIX, Installation
from shop_cluster.places import ROOT
from shop_cluster.shopping import Load, Shoppers
from shop_core.events import DOMAINS


def readme_lines() -> list[str]:
    """The first three curl commands of README's 'Try it', each in one line."""
    text = (ROOT / "README.md").read_text().split("## Try it", 1)[1].replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.startswith("curl ")][:3]
    assert [word in line for word, line in zip(("/buy", "/getAllUserBuys", "/v1/users"), lines, strict=True)] == [
        True
    ] * 3
    return lines


def as_typed(line: str, base: str, host: str, *more: str) -> Any:
    """The answer to a line of the README; only the host's address is told, as no name server knows it here."""
    words = shlex.split(line.replace("$BASE", base))
    known = [word for port in ("80", "443") for word in ("--resolve", f"{host}:{port}:{ADDRESS}")]
    done = subprocess.run([*words, *known, *more, "--fail-with-body"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def conditions(resource: dict[str, Any]) -> dict[str, str]:
    return {entry["type"]: entry["status"] for entry in resource["status"]["conditions"]}


def buy(shop: Installation, user: str, price: str) -> Any:
    body = json.dumps({"username": user, "userid": user, "price": price}).encode()
    answer = shop.request("POST", "/buy", body=body)
    assert answer.status == 200, answer.data
    return answer.json()


def prices(shop: Installation, user: str, receipt: str) -> list[str]:
    answer = shop.request("GET", f"/getAllUserBuys/{user}?after={receipt}")
    assert answer.status == 200, answer.data
    return [purchase["price"] for purchase in answer.json()["purchases"]]


def test_after_the_install_all_is_ready(shop: Installation) -> None:
    assert conditions(shop.get("shop", shop.name))["Ready"] == "True"
    consumers = {c["metadata"]["name"]: conditions(c)["Ready"] for c in shop.get("shopconsumer")["items"]}
    assert consumers == dict.fromkeys(DOMAINS, "True")
    for workload in shop.get("deployments,statefulsets")["items"]:
        wanted, ready = workload["spec"].get("replicas", 1), workload["status"].get("readyReplicas", 0)
        assert wanted == ready, workload["metadata"]["name"]
    assert shop.get("persistentvolumeclaims")["items"]


@pytest.mark.security(1)
def test_the_restricted_namespace_admits_every_pod(shop: Installation) -> None:
    labels = shop.k8s.get("namespace", shop.namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    refused = [e["message"] for e in shop.get("events")["items"] if e["reason"] == "FailedCreate"]
    assert refused == []
    assert {pod["status"]["phase"] for pod in shop.get("pods")["items"]} <= {"Running", "Succeeded"}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_readmes_lines_work_through_the_ingress(shop: Installation, scheme: str) -> None:
    base = f"{scheme}://{shop.host}{PREFIX}"
    # The ingress has no certificate of its own here: --insecure. tests/e2e/test_tls.py gives it one.
    # README's lines are for a shop that asks nobody, hence the key beside them.
    words = ("--insecure", "-H", f"Authorization: Bearer {shop.key}")
    send, *reads = readme_lines()
    name = f"ada-{uuid.uuid4().hex[:8]}"
    bought = as_typed(send.replace("ada", name), base, shop.host, *words)
    assert bought["status"] == "Ok!"
    history = f"{reads[0]}?after={bought['receipt']}"
    listed, profile = (as_typed(line.replace("ada", name), base, shop.host, *words) for line in (history, reads[1]))
    assert [purchase["price"] for purchase in listed["purchases"]] == ["1195.30"]
    assert profile["count"] == 1


@pytest.fixture
def page(shop: Installation) -> Iterator[Page]:
    chromium = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    rules = f"--host-resolver-rules=MAP {shop.host} {ADDRESS}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--headless", rules])
        yield browser.new_page(ignore_https_errors=True)
        browser.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_page_buys_through_the_ingress(shop: Installation, page: Page, scheme: str) -> None:
    name = f"page-{uuid.uuid4().hex[:8]}"
    page.goto(f"{scheme}://{shop.host}{PREFIX}", wait_until="networkidle")

    def buy() -> None:
        for label, value in {"Username": name, "User ID": name, "Price": "7.25"}.items():
            page.get_by_label(label, exact=True).fill(value)
        page.get_by_role("button", name="Buy", exact=True).click()

    buy()
    page.get_by_label("Key or token").fill(shop.key)
    page.locator("#sign-in").get_by_role("button", name="Sign in").click()
    page.reload(wait_until="networkidle")
    buy()
    expect(page.locator(".life").first).to_have_attribute("data-state", "stored", timeout=20_000)


def test_helm_test_buys_and_reads_back(shop: Installation) -> None:
    said = shop.helm("test", shop.name, "--logs", "--timeout", "3m")
    assert "Phase:          Succeeded" in said
    assert re.search(r"read back: .*12\.50", said)


def test_an_upgrade_keeps_the_data_and_loses_no_event(shop: Installation, until: Callable[..., None]) -> None:
    """The broker restarts with another setting, and cm-server and cm-api are replaced, while clients buy."""
    user = f"kept-{uuid.uuid4().hex[:8]}"
    receipt = buy(shop, user, "3.50")["receipt"]
    broker = shop.get("pod", f"{shop.name}-kafka-broker-0")["metadata"]["uid"]
    load = Load(shop)
    with Shoppers(load) as shoppers:
        until(lambda: shoppers.bought > 20, "the shop sells", 60)
        shop.upgrade("--set", "kafka.config.log\\.retention\\.hours=200", "--set", "shop.server.threads=20")
        sold = shoppers.bought
        until(lambda: shoppers.bought > sold + 20, "and sells on", 120)
    assert shop.get("pod", f"{shop.name}-kafka-broker-0")["metadata"]["uid"] != broker
    until(lambda: load.arrived() >= len(load.ids), "all purchases are stored", 120)
    load.judge()
    assert prices(shop, user, receipt) == ["3.50"]


def left(shop: Installation) -> set[str]:
    """Everything in the namespace that did not come with it, and is not on its way out."""
    kinds = shop.kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
    skipped = ("events", "endpoints", "endpointslices", "metrics.k8s.io", "external.metrics.k8s.io", "podmetrics")
    asked = ",".join(kind for kind in kinds if not kind.split(".")[0].startswith(skipped) and "metrics" not in kind)
    found = {f"{m['kind']}/{m['metadata']['name']}" for m in shop.get(asked)["items"]}
    return found - {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}


@pytest.fixture
def second(k8s: Client) -> Iterator[Installation]:
    made = Installation(k8s, "again", "again", "again.localtest.me")
    yield made
    k8s.kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.mark.timeout(900)
def test_uninstalling_leaves_only_what_opens_the_data_and_installing_again_finds_the_data(
    second: Installation, until: Callable[..., None]
) -> None:
    few = [word for domain in DOMAINS.keys() - {"purchases"} for word in ("--set", f"shop.consumers.{domain}=null")]
    alone = ("--set", f"shop.mongodb.database=again-{int(time.time())}", *few)
    user = "again"
    said = second.install(*alone)
    assert f"BASE=http://{second.host}{PREFIX}" in said
    until(lambda: second.ask("GET", "/healthz").status == 200, "the ingress knows the door")
    first = buy(second, user, "1.50")["receipt"]
    assert prices(second, user, first) == ["1.50"]

    claims = {f"PersistentVolumeClaim/{c['metadata']['name']}" for c in second.get("pvc")["items"]}
    # Kafka's volumes know the admin by the password of that Secret.
    kept = claims | {f"Secret/{second.name}-kafka-users"}
    said = second.uninstall()
    until(lambda: left(second) == kept, f"nothing but {kept} is left", 90)
    assert claims

    second.install(*alone)
    until(lambda: second.ask("GET", "/healthz").status == 200, "the ingress knows the door again")
    receipt = buy(second, user, "2.50")["receipt"]
    assert prices(second, user, receipt) == ["2.50", "1.50"]
    place, offset = first.rsplit("-", 1)
    assert receipt.startswith(f"{place}-") and int(receipt.rsplit("-", 1)[1]) > int(offset), "the log goes on"
    second.uninstall()
