"""At rest the operator asks for nothing: a mirror answers, and what is as it was applied is not applied again."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shop_operator.adapters.cluster import ClusterError, _refuse_stranger
from shop_operator.adapters.watch_cache import Absent, Gone, Mirror, Source, change_of
from shop_operator.decisions import drift
from shop_operator.testing import FakeCluster

Manifest = dict[str, Any]


def live(name: str, version: int, uid: str = "u", **labels: str) -> Manifest:
    return {"metadata": {"name": name, "uid": uid, "resourceVersion": str(version), "labels": labels}}


class Server(Source):
    """Answers in the test's hand."""

    def __init__(self) -> None:
        self.lists: queue.Queue[list[Manifest] | Exception] = queue.Queue()
        self.changes: queue.Queue[Manifest | Exception] = queue.Queue()

    def listed(self) -> tuple[list[Manifest], str]:
        found = self.lists.get(timeout=10)
        if isinstance(found, Exception):
            raise found
        return found, "1"

    def watched(self, version: str) -> Iterator[Manifest]:
        while True:
            change = self.changes.get(timeout=10)
            if isinstance(change, Exception):
                raise change
            yield change


def awaited(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_mirror_follows_and_begins_anew() -> None:
    server, heard = Server(), list[str]()
    mirror = Mirror("Service", server, lambda each: heard.append(each["metadata"]["name"])).start()
    assert mirror.get("a") is None and mirror.list({}) is None, "nothing is claimed before the list"
    server.lists.put([live("a", 5, x="1"), live("b", 6)])
    awaited(lambda: mirror.synced)
    assert mirror.get("a") == live("a", 5, x="1") | {"kind": "Service"}
    assert [each["metadata"]["name"] for each in mirror.list({"x": "1"}) or []] == ["a"]
    server.changes.put({"type": "DELETED", "object": live("b", 8)})
    server.changes.put({"type": "ADDED", "object": live("c", 9)})
    awaited(lambda: mirror.get("c") is not None)
    assert mirror.get("b") is None and mirror.gone("b") and not mirror.gone("a") and heard == ["a", "b", "b", "c"]
    server.changes.put(Gone("410"))
    server.lists.put([live("d", 20)])
    awaited(lambda: mirror.get("d") is not None)
    assert mirror.get("c") is None
    server.changes.put(OSError("the connection broke"))
    awaited(lambda: not mirror.synced)
    assert mirror.get("d") is None, "what may be old is asked for"
    server.lists.put(Absent("no such kind"))
    awaited(lambda: mirror.absent)


def test_an_older_state_does_not_win() -> None:
    mirror = Mirror("Service", Server(), lambda _: None)
    mirror.synced = True
    mirror.put(live("a", 10, x="ours"))
    mirror.put(live("a", 9, x="late"))
    assert mirror.list({"x": "ours"})
    mirror.put(live("a", 3, uid="another", x="anew"))
    assert mirror.list({"x": "anew"}), "a restored cluster may count from below"


def test_the_lines_of_a_watch() -> None:
    assert change_of(json.dumps({"type": "ADDED", "object": live("a", 1)}).encode())["type"] == "ADDED"
    with pytest.raises(Gone):
        change_of(b'{"type": "ERROR", "object": {"code": 410, "message": "too old"}}')


def wanted(image: str = "a") -> Manifest:
    owner = {"kind": "Shop", "name": "shop", "uid": "u", "controller": True}
    meta = {"name": "d", "namespace": "ns", "labels": {}, "ownerReferences": [owner]}
    return {"kind": "Deployment", "metadata": meta, "spec": {"image": image}}


def applied(cluster: FakeCluster) -> int:
    return sum(verb == "apply" for verb, _, _ in cluster.calls)


def test_what_is_as_it_was_applied_is_left_alone() -> None:
    cluster = FakeCluster()
    assert [cluster.ensure(wanted())[1] for _ in range(10)] == [False] * 10 and applied(cluster) == 1
    cluster.objects["Deployment", "ns", "d"]["spec"]["replicas"] = 7
    cluster.objects["Deployment", "ns", "d"]["status"] = {"readyReplicas": 7}
    assert cluster.ensure(wanted())[1] is False and applied(cluster) == 1, "scaling and status are no drift"
    cluster.objects["Deployment", "ns", "d"]["spec"]["image"] = "by hand"
    assert cluster.ensure(wanted())[1] is True and applied(cluster) == 2
    cluster.objects.clear()
    assert cluster.ensure(wanted())[1] is True and applied(cluster) == 3, "deleted by hand"
    assert cluster.ensure(wanted("b"))[1] is False and applied(cluster) == 4, "another wish is no repair"
    cluster.forget("Shop", "ns", "shop")
    assert cluster.ensure(wanted("b"))[1] is False and applied(cluster) == 5, (
        "nothing is remembered of one that is gone"
    )


def test_top_level_fields_are_drift_too() -> None:
    account = {"kind": "ServiceAccount", "metadata": {}, "automountServiceAccountToken": False}
    assert drift.differs(account, account | {"automountServiceAccountToken": True})


def test_advice_about_a_name_that_is_taken_can_be_followed() -> None:
    ours = wanted() | {"kind": "ShopConsumer"}
    ours["metadata"] = ours["metadata"] | {"name": "purchases"}

    def refused(manifest: Manifest, *owners: Manifest) -> str:
        other = {"kind": manifest["kind"], "metadata": manifest["metadata"] | {"ownerReferences": list(owners)}}
        with pytest.raises(ClusterError) as caught:
            _refuse_stranger(manifest, other)
        return str(caught.value)

    second = refused(ours, {"kind": "Shop", "name": "first", "uid": "x", "controller": True})
    assert "two Shops of one namespace cannot both have the domain purchases: move one" in second
    assert "another name, and delete it" in refused(ours)
    assert "give this Shop another name" in refused(wanted())
