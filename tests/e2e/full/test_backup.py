"""docs/how-to/backup.md on the cluster: a release starts from a copy under another name, in another namespace."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shop_cluster.client import Client
from shop_cluster.database import Database
from shop_cluster.installation import Installation
from shop_cluster.places import ROOT
from shop_cluster.shopping import Load
from shop_core.events import DOMAINS

SCRIPT = ROOT / "scripts" / "kafka-backup"
# One domain is enough, and leaves a small machine room for two releases.
FEW = [word for domain in DOMAINS if domain != "purchases" for word in ("--set", f"shop.consumers.{domain}=null")]
FEW += ["--set", "shop.server.replicas=1"]
FIRST, LATER, AFTERWARDS = 300, 60, 20


@pytest.fixture
def releases(k8s: Client) -> Iterator[tuple[Installation, Installation]]:
    both = Installation(k8s, "kept", "kept", "kept.localtest.me"), Installation(k8s, "moved", "new", "new.localtest.me")
    yield both
    for each in both:
        k8s.kubectl("delete", "namespace", each.namespace, "--ignore-not-found", "--wait=false")


def backup(shop: Installation, task: str, folder: Path) -> str:
    """The script as a user calls it, with the cluster's kubectl first on the path."""
    path = f"{shop.k8s.tools}:{os.environ['PATH']}"
    words = (str(SCRIPT), task, shop.name, shop.namespace, str(folder))
    environment = os.environ | {"PATH": path, "KUBECONFIG": str(shop.k8s.kubeconfig)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def buy(load: Load, first: int, count: int) -> None:
    for number in range(first, first + count):
        load.one(number)


def set_uri(database: Database) -> tuple[str, ...]:
    return ("--set", f"mongodb.uri={database.uri}")


@pytest.mark.timeout(1500)
def test_a_backup_starts_under_another_name_and_namespace(
    releases: tuple[Installation, Installation], until: Callable[..., None], tmp_path: Path
) -> None:
    old, new = releases
    database, load = Database(old.k8s, old.namespace), Load(old)
    old.prepare()
    database.start()
    old.install(*FEW, *set_uri(database))
    until(lambda: old.ask("GET", "/healthz").status == 200, "the ingress knows the door")
    buy(load, 0, FIRST)
    until(lambda: load.arrived() == FIRST, "all of them are stored", 120)

    # The database first, Kafka's volumes later: what was bought in between is in Kafka's copy only.
    database.stop()
    copy = database.saved()
    buy(load, FIRST, LATER)
    database.go_on()
    backup(old, "save", tmp_path)
    kept = replace(load, shop=new, ids=set(load.ids))
    buy(load, FIRST + LATER, AFTERWARDS)
    until(lambda: load.arrived() == len(load.ids), "the old release goes on", 120)
    load.judge()
    old.uninstall()

    new.prepare()
    restored = Database(new.k8s, new.namespace)
    restored.restore(copy)
    restored.start()
    values = shlex.split(backup(new, "restore", tmp_path))
    new.install(*FEW, *set_uri(restored), *values)
    until(lambda: new.ask("GET", "/healthz").status == 200, "the ingress knows the new door")
    until(lambda: kept.arrived() >= FIRST + LATER, "the log brings the database up to date", 180)
    kept.judge()
    more = replace(kept, ids=set(kept.ids))
    buy(more, FIRST + LATER, AFTERWARDS)
    until(lambda: more.arrived() == len(more.ids), "the new release sells", 120)
    more.judge()
