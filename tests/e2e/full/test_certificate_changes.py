"""The Secret of the nodes' certificate changes, as cert-manager would change it, while clients buy."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shop_cluster.certificates import make_authority
from shop_cluster.client import Client
from shop_cluster.installation import Installation
from shop_cluster.kafka_nodes import CERTIFICATE, broker, certificate, nodes, ready, starts
from shop_cluster.shopping import Load, Shoppers
from shop_core.events import DOMAINS

FEW = [word for domain in DOMAINS if domain != "purchases" for word in ("--set", f"shop.consumers.{domain}=null")]
OURS = f"kafka.security.certificate.existingSecret={CERTIFICATE},kafka.security.certificate.restartSeconds=40"
VALUES = (*FEW, "--set", "shop.server.replicas=1", "--set", OURS)
SHOWN = """
import os, socket, ssl, sys
context = ssl.create_default_context(cafile=os.environ["KAFKA_SSL_CA_FILE"])
host = sys.argv[1]
with socket.create_connection((host, 9092), 20) as raw, context.wrap_socket(raw, server_hostname=host) as link:
    print(link.getpeercert()["serialNumber"])
"""
Until = Callable[..., None]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    make_authority(folder)
    return folder


@pytest.fixture(scope="module")
def shop(k8s: Client, authority: Path) -> Iterator[Installation]:
    made = Installation(k8s, "renewed", host="renewed.localtest.me")
    made.prepare()
    made.apply(certificate(made, authority))
    made.install(*VALUES)
    yield made
    made.uninstall()
    k8s.kubectl("delete", "namespace", made.namespace, "--wait=false")


def serial(shop: Installation) -> str:
    """Of the certificate that the broker shows."""
    host = f"{broker(shop)}-0.{broker(shop)}.{shop.namespace}.svc"
    return shop.kubectl("exec", f"deploy/{shop.name}-cm-server", "--", "python3", "-c", SHOWN, host).strip()


def left(shop: Installation) -> dict[str, float]:
    """What the operator tells of the certificate's keys, in seconds."""
    [pod] = shop.pods("-l", "app.kubernetes.io/name=shop-operator")
    lines = [line for line in shop.metrics(pod).splitlines() if line.startswith("shop_operator_certificate_expires_")]
    return {line.split('key="')[1].split('"')[0]: float(line.split()[-1]) for line in lines if CERTIFICATE in line}


@pytest.mark.timeout(1800)
def test_a_changed_certificate_is_taken_and_a_wrong_one_is_not(
    shop: Installation, authority: Path, until: Until
) -> None:
    until(lambda: shop.ask("GET", "/healthz").status == 200, "the ingress knows the door")
    before, shown, load = starts(shop), serial(shop), Load(shop)
    with Shoppers(load, clients=2) as shoppers:
        wrong = certificate(shop, authority)
        other = {"tls.crt": (authority / "ca.crt").read_text()}
        shop.apply(wrong | {"stringData": wrong["stringData"] | other})
        refused = "The new certificate is not taken"
        until(lambda: all(refused in shop.kubectl("logs", name) for name in before), "no node takes a wrong one", 600)
        assert starts(shop) == before and serial(shop) == shown
        right = certificate(shop, authority)
        shop.apply(right)
        until(lambda: all(now > before[name] for name, now in starts(shop).items()), "each took the right one", 600)
        until(lambda: all(ready(pod) for pod in nodes(shop)), "and is ready", 300)
        mark = shoppers.bought
        until(lambda: shoppers.bought > mark + 20, "the shop sells", 120)
    now = base64.b64decode(shop.get("secret", CERTIFICATE)["data"]["tls.crt"]).decode()
    assert now == right["stringData"]["tls.crt"] and serial(shop) != shown
    assert {count - before[name] for name, count in starts(shop).items()} == {1}
    until(lambda: load.arrived() >= len(load.ids), "all purchases are stored", 180)
    load.judge()


def test_the_operator_tells_how_long_they_hold(shop: Installation, until: Until) -> None:
    until(lambda: set(left(shop)) == {"tls.crt", "ca.crt"}, "it has looked", 120)
    assert all(29 * 86400 < seconds <= 30 * 86400 for seconds in left(shop).values())
