"""One part that is away shuts nobody out: pods stay ready, and the Shop says what its services miss."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

import pytest

from shop_operator.adapters.cluster import Cluster
from shop_operator.adapters.dependencies import Dependencies, Report, unavailable
from shop_operator.desired import http_services, policies

Manifest = dict[str, Any]
Make = Callable[..., Manifest]
FINE = Report({})


def test_no_tier_is_taken_out_of_its_service_for_what_all_pods_share(shop: Make) -> None:
    for tier in http_services.tiers(shop()):
        container = http_services.deployment(shop(), tier)["spec"]["template"]["spec"]["containers"][0]
        paths = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert paths == {"/healthz"}, tier.name


def test_the_operator_may_ask_both_services(shop: Make) -> None:
    made = {entry["metadata"]["name"]: entry["spec"]["ingress"] for entry in policies.policies(shop())}
    for name in ("shop-cm-server", "shop-cm-api"):
        assert any("shop-operator" in str(rule.get("from")) for rule in made[name])


@pytest.mark.parametrize(
    ("told", "status", "reason", "words"),
    [
        ({}, "Unknown", "NotTold", "not been asked"),
        ({"cm-server": FINE, "cm-api": FINE}, "False", "Fine", ""),
        ({"cm-server": Report({"kafka": "no broker"}), "cm-api": FINE}, "True", "KafkaAway", "cannot reach kafka: no"),
        ({"cm-server": FINE, "cm-api": Report({"mongodb": "timed out"})}, "True", "MongoDbAway", "cm-api cannot reach"),
        ({"cm-server": Report({"cm-api": "refused"}), "cm-api": Report({}, "no answer")}, "True", "CmApiAway", "503"),
        ({"cm-server": Report({"cache": "x"}), "cm-api": FINE}, "True", "Away", "cannot reach cache"),
        ({"cm-server": FINE, "cm-api": Report({}, "no answer")}, "Unknown", "NotTold", "no answer"),
    ],
)
def test_what_is_missing_is_named(told: dict[str, Report], status: str, reason: str, words: str) -> None:
    found = unavailable(told)
    assert (found.status, found.reason) == (status, reason)
    assert words in found.message


@pytest.fixture
def service() -> Iterator[tuple[dict[str, Any], str]]:
    said: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said["path"] = self.path
            self.send_response(said["status"])
            self.send_header("Content-Length", str(len(said["body"])))
            self.end_headers()
            self.wfile.write(said["body"])

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield said, f"http://127.0.0.1:{server.server_address[1]}/{{shop}}/{{namespace}}"
        server.shutdown()
        thread.join()


def test_a_service_is_asked_for_its_readiness(service: tuple[dict[str, Any], str], shop: Make) -> None:
    said, address = service
    there: list[Manifest | None] = [shop()]

    class Shops:
        def get(self, *_: str) -> Manifest | None:
            return there[0]

    asked = Dependencies(cast(Cluster, Shops()), {"cm-server": address})
    parts = {"kafka": {"ok": False, "detail": "no broker"}, "cm-api": {"ok": True, "detail": "answers"}}
    for status, body, missing in (
        (503, json.dumps({"ready": False, "dependencies": parts}).encode(), {"kafka": "no broker"}),
        (502, b"<html>bad gateway</html>", {}),
        (200, b"[]", {}),
    ):
        said |= {"status": status, "body": body}
        assert asked.ask("ns", "shop") and said["path"] == "/shop/ns/readyz"
        report = asked.latest("ns", "shop")["cm-server"]
        assert dict(report.missing) == missing and bool(report.silence) is not bool(missing)
    there[0] = None
    assert not asked.ask("ns", "shop") and asked.latest("ns", "shop") == {}


def test_a_service_that_is_away_says_nothing(shop: Make) -> None:
    class Shops:
        def get(self, *_: str) -> Manifest:
            return shop()

    asked = Dependencies(cast(Cluster, Shops()), {"cm-api": "http://127.0.0.1:1"})
    assert asked.ask("ns", "shop")
    assert "does not answer" in asked.latest("ns", "shop")["cm-api"].silence
