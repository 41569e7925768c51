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
Notify = Callable[[str, str, str, Any], object]


def watch(namespace: str, notify: Notify, ended: threading.Event) -> None:
    """Watch one namespace until `ended`, in the calling thread."""
    watching = kopf.operator(
        registry=register(notify), settings=settings(), namespaces=[namespace], standalone=True, stop_flag=ended
    )
    asyncio.run(watching)


def register(notify: Notify) -> kopf.OperatorRegistry:
    """A registry whose handlers `notify` kind, namespace, name and version."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_via_client)
    for kind, plural in PLURALS.items():
        kopf.on.event(GROUP, VERSION, plural, id=f"event-{plural}", registry=registry)(_handler(notify, kind))
    return registry


def _handler(notify: Notify, kind: str) -> Any:
    async def on_event(meta: kopf.Meta, **_: Any) -> None:
        notify(kind, str(meta.namespace), str(meta.name), (meta.get("generation"), meta.get("deletionTimestamp")))

    return on_event


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
