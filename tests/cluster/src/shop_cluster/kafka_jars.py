"""Kafka's jars, from the cache that `shopctl up` uses too, or by Maven into it."""

from __future__ import annotations

import shutil
from pathlib import Path

from shop_cluster.commands import run
from shop_cluster.places import ROOT
from shopctl.kafka_install import KafkaHome
from shopctl.layout import Ports, layout_of


def kafka_libs() -> Path:
    home = KafkaHome(ROOT, layout_of(None), Ports())
    if not home.has_jars:
        target = home.fetch_target()
        target.mkdir(parents=True, exist_ok=True)
        try:
            run(*home.fetch_command(target))
            home.take_jars(target)
        finally:
            shutil.rmtree(target, ignore_errors=True)
    return home.libs
