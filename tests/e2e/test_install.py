"""`helm install` on an empty cluster, and what a user finds there: the curl lines, the page, TLS, the chart's own test,
pods that `restricted` admits, an upgrade that keeps everything."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from shop_cluster.shopping import Load, Shoppers

PAGE_ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]


def curl_lines(shop: Any) -> list[list[str]]:
    """The curl lines of the notes that Helm prints, as their words."""
    base = re.search(r"BASE=(\S+)", shop.notes)
    assert base is not None, shop.notes
    lines = [line.strip() for line in shop.notes.splitlines() if line.strip().startswith("curl ")]
    return [shlex.split(line.replace("$BASE", base.group(1)))[1:] for line in lines]


def test_everything_is_ready_and_says_so(shop: Any, until: Callable[..., None]) -> None:
    until(lambda: ready(shop.get("shop", shop.name)), "the Shop is ready", 180)
    for consumer in ("purchases", "catalog", "campaigns", "analytics"):
        until(lambda consumer=consumer: ready(shop.get("shopconsumer", consumer)), f"{consumer} is ready", 120)
    assert "True" in shop.kubectl("get", "shop", shop.name)


def ready(resource: dict[str, Any]) -> bool:
    conditions = resource.get("status", {}).get("conditions", [])
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def test_the_printed_curl_lines_work_as_printed(shop: Any, until: Callable[..., None]) -> None:
    buy, *reads = curl_lines(shop)
    assert json.loads(shop.curl(*buy))["status"] == "Ok!"
    assert len(reads) == 2
    for read in reads:
        until(lambda read=read: "1195.30" in shop.curl(*read), " ".join(read), 60)


def test_https_with_a_certificate_of_ones_own(shop: Any, tmp_path: Path, until: Callable[..., None]) -> None:
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate,
         "-subj", f"/CN={shop.host}", "-addext", f"subjectAltName=DNS:{shop.host}"],
        check=True, capture_output=True,
    )  # fmt: skip
    shop.kubectl("create", "secret", "tls", "shop-tls", f"--cert={certificate}", f"--key={key}")
    shop.upgrade("--set", "ingress.tls.secretName=shop-tls")

    def answers() -> bool:
        try:
            words = ("--cacert", str(certificate), f"https://{shop.host}/scalable-shop-cm-server/getAllUserBuys/ada")
            return "1195.30" in shop.curl(*words)
        except AssertionError:
            return False

    until(answers, "the ingress serves the certificate", 90)
    assert "1195.30" in shop.curl(*curl_lines(shop)[1]), "http goes on"


def test_the_page_through_the_ingress(shop: Any) -> None:
    executable = shutil.which("chromium") or "/usr/bin/chromium"
    rules = f"--host-resolver-rules=MAP {shop.host} {shop.address}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*PAGE_ARGUMENTS, rules])
        page = browser.new_page()
        page.goto(f"http://{shop.host}/scalable-shop-cm-server")
        for label, text in (("Username", "Grace"), ("User ID", "grace-1"), ("Price", "7.35")):
            page.get_by_label(label).fill(text)
        page.get_by_role("button", name="Buy", exact=True).click()
        expect(page.get_by_text("stored").first).to_be_visible(timeout=60_000)
        browser.close()


def test_the_charts_own_test_buys_and_reads_back(shop: Any) -> None:
    assert "Succeeded" in shop.helm("test", shop.name, "--timeout=3m")


def test_restricted_admits_every_pod_and_each_runs(shop: Any) -> None:
    events = shop.kubectl("get", "events", "-o", "json")
    refused = [e["message"] for e in json.loads(events)["items"] if "violates PodSecurity" in e.get("message", "")]
    assert refused == []
    assert len(shop.get("pods")["items"]) >= 9
    labels = shop.client.get("namespace", shop.namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_misspelt_value_fails_the_upgrade(shop: Any) -> None:
    with pytest.raises(Exception, match="replcas"):
        shop.upgrade("--set", "shop.server.replcas=3")


def test_an_upgrade_keeps_data_and_loses_no_event(shop: Any, until: Callable[..., None]) -> None:
    load = Load(shop)
    with Shoppers(load, clients=2) as shoppers:
        until(lambda: shoppers.bought > 20, "the shop sells", 60)
        shop.upgrade("--set-json", 'shop.server.env=[{"name":"LOG_LEVEL","value":"DEBUG"}]')
        mark = shoppers.bought
        until(lambda: shoppers.bought > mark + 20, "and sells on", 120)
    until(lambda: load.arrived() >= len(load.ids), "all purchases are stored", 180)
    load.judge()
    assert "1195.30" in shop.curl(*curl_lines(shop)[1])
