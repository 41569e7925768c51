"""Where kopf meets us: every event of our resources wakes the resource's loop, and that is all.

kopf watches, reconnects and lists anew. It keeps no state in the resources: no handler here needs its finalizer, its
annotations or its peering.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import kopf

GROUP, VERSION = "scalable-shop.dev", "v1alpha1"
PLURALS = {"Shop": "shops", "ShopConsumer": "shopconsumers"}
Tell = Callable[[str, str, str, Any], object]


def watch(namespace: str, tell: Tell, ended: threading.Event) -> None:
    """Watch one namespace until `ended`, in the calling thread."""
    watching = kopf.operator(
        registry=register(tell), settings=settings(), namespaces=[namespace], standalone=True, stop_flag=ended
    )
    asyncio.run(watching)


def register(tell: Tell) -> kopf.OperatorRegistry:
    """A registry whose handlers `tell` kind, namespace, name and version."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_via_client)
    for kind, plural in PLURALS.items():
        kopf.on.event(GROUP, VERSION, plural, id=f"told-{plural}", registry=registry)(_teller(tell, kind))
    return registry


def _teller(tell: Tell, kind: str) -> Any:
    async def told(meta: kopf.Meta, **_: Any) -> None:
        tell(kind, str(meta.namespace), str(meta.name), (meta.get("generation"), meta.get("deletionTimestamp")))

    return told


def settings() -> kopf.OperatorSettings:
    """kopf as a watcher only: no Events of its own, no look for CRDs and namespaces (a namespaced Role can't)."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.peering.standalone = True
    # A watch that has silently died is noticed and opened anew.
    chosen.watching.server_timeout = 240
    chosen.watching.client_timeout = 300
    return chosen
