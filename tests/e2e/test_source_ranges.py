"""Whom the real ingress lets in, by the address that it sees: what `ingress.sourceRanges` promises."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shop_cluster.client import Client
from shop_cluster.installation import Installation

ELSEWHERE = "192.0.2.0/24"
BUY = json.dumps({"username": "e2e-ranges", "userid": "e2e-ranges", "price": "1.00"}).encode()


@pytest.fixture
def let_in(shop: Installation) -> Iterator[Callable[..., None]]:
    """Lets callers of these networks in; everybody again at the end."""

    def only(*networks: str) -> None:
        patch = {"spec": {"ingress": {"sourceRanges": list(networks) or None}}}
        shop.kubectl("patch", "shop", shop.name, "--type=merge", "-p", json.dumps(patch))

    yield only
    only()


def own_address(k8s: Client, agent: str) -> str:
    """Ours, as the controller saw it in a request by this User-Agent."""
    chosen = ("--selector", "app.kubernetes.io/name=ingress-nginx", "--tail", "200")
    lines = k8s.kubectl("logs", "--namespace", "ingress-nginx", *chosen).splitlines()
    return next(line.split()[0] for line in reversed(lines) if agent in line)


def statuses(shop: Installation) -> set[int]:
    """Of a read, a write, and what is answered without any key."""
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/v1/products", None),
        ("GET", "/healthz", None),
        ("POST", "/buy", BUY),
    ]
    return {shop.request(method, path, body=body).status for method, path, body in asked}


def test_only_callers_from_the_networks_that_are_named_get_in(
    shop: Installation, until: Callable[..., None], let_in: Callable[..., None]
) -> None:
    until(lambda: statuses(shop) == {200}, "everybody is let in at first")
    let_in(ELSEWHERE)
    until(lambda: statuses(shop) == {403}, "nobody is let in from here")
    agent = f"ranges-{uuid.uuid4().hex}"
    said = {"X-Forwarded-For": "192.0.2.7", "X-Real-IP": "192.0.2.7", "User-Agent": agent}
    assert shop.request("GET", "/v1/products", headers=said).status == 403, "an address is not what a header says"
    let_in(ELSEWHERE, f"{own_address(shop.k8s, agent)}/32")
    until(lambda: statuses(shop) == {200}, "we are let in by our own address")
