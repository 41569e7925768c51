"""A Shop or ShopConsumer by those of its parts that a reconcile reads in many places. What only a builder reads stays
in the body."""

from __future__ import annotations

from dataclasses import dataclass

from shop_operator.adapters.cluster import Manifest, controller_of


@dataclass(frozen=True)
class Resource:
    """One of them, as the API server gave it."""

    body: Manifest
    namespace: str
    name: str
    uid: str
    spec: Manifest
    status: Manifest

    @classmethod
    def of(cls, body: Manifest) -> Resource:
        meta = body["metadata"]
        return cls(body, meta["namespace"], meta["name"], meta["uid"], body["spec"], body.get("status", {}))

    @property
    def place(self) -> tuple[str, str]:
        return self.namespace, self.name

    def owns(self, live: Manifest) -> bool:
        """Whether it made this object; labels alone say nothing, as anybody may write them."""
        return (controller_of(live) or {}).get("uid") == self.uid
