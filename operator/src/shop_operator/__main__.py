"""`shop-operator`: wait for the resources' definitions, run for the Lease, then watch and keep.

SIGTERM or SIGINT give the Lease back and end with 0. A lost Lease ends the process: Kubernetes starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import kopf

from shop_operator import logs, metrics
from shop_operator.adapters.campaigns_api import Campaigns, CampaignsApi
from shop_operator.adapters.cluster import Cluster, ClusterError, Manifest, connect, controller_of
from shop_operator.adapters.dependencies import Dependencies
from shop_operator.adapters.kafka_pool import Kafkas
from shop_operator.controllers import handlers
from shop_operator.controllers.consumer import Consumers
from shop_operator.controllers.group_monitor import Groups
from shop_operator.controllers.leader import Elector, Term
from shop_operator.controllers.loops import Loops
from shop_operator.controllers.shop import Shops
from shop_operator.controllers.status_writer import Reporter
from shop_operator.controllers.watches import watch_all
from shop_operator.health import Health
from shop_operator.settings import OperatorSettings, load
from shop_runtime.settings_loader import ConfigError

log = logging.getLogger(__name__)
# A look waits for the network most of its time. Kafka and the services have threads of their own: one that is away
# holds a thread for seconds.
_THREADS, _ASKERS, _KAFKA_THREADS = 16, 8, 32
# A Kafka that is away is asked so many intervals apart at most.
_KAFKA_PATIENCE = 4


def main() -> None:
    """Exit 2 with one sentence for configuration that can't work."""
    try:
        settings = load()
        logs.configure(settings.log_level)
        cluster = connect()
    except (ConfigError, kopf.LoginError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    asyncio.run(_run(settings, cluster))


async def _run(settings: OperatorSettings, cluster: Cluster) -> None:
    health, stop, loop = Health(), asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Whatever still runs must not write any more once another one may lead: no orderly end.
    elector = Elector(
        cluster,
        settings.namespace,
        settings.lease,
        settings.holder,
        Term.of(settings.lease_seconds),
        lambda: os._exit(1),
    )
    with health.serve(settings.health_host, settings.health_port):
        beating = asyncio.create_task(_beat(health))
        log.info("started", extra={"namespaces": settings.namespaces, "identity": settings.holder})
        await _until(stop, lambda: _defined(cluster, health))
        elector.start()
        await _until(stop, elector.leading.is_set)
        if not stop.is_set():
            await _watch(settings, cluster, health, stop)
        elector.stop()
        beating.cancel()
    log.info("stopped")
    # The Lease is given back. Threads that wait for a Kafka that is away, and watches that were left, hold nothing.
    logging.shutdown()
    os._exit(0)


async def _watch(settings: OperatorSettings, cluster: Cluster, health: Health, stop: asyncio.Event) -> None:
    reporter = Reporter(cluster)
    api = CampaignsApi(settings.cm_api_url)
    # Two questions ahead, so that a campaign is known before it is warm.
    campaigns = Campaigns(cluster, api, timedelta(seconds=2 * settings.campaigns_interval))
    dependencies = Dependencies(cluster, {"cm-server": settings.cm_server_url, "cm-api": settings.cm_api_url})
    count = len(settings.namespaces)
    shops = Shops(cluster, reporter, campaigns, dependencies, settings.families, settings.namespace)
    # A service that hangs holds a thread for seconds; not one of those that look.
    threads, looking = _pool("look", _THREADS, count)
    kafka, asking_kafka = _pool("kafka", _KAFKA_THREADS, count)
    askers, asking_services = _pool("ask", _ASKERS, count)
    groups = Groups(cluster, Kafkas(), reporter, lambda *key: loops.wake(*key))
    consumers = Consumers(cluster, groups, reporter)
    reconcilers = {"Shop": shops.reconcile, "ShopConsumer": consumers.reconcile}
    loops = Loops(reconcilers, settings.interval, threads, share=looking)
    slowest = _KAFKA_PATIENCE * settings.interval
    asked = Loops({"ShopConsumer": groups.ask}, settings.interval, kafka, slowest, asking_kafka)
    asking = {
        "Campaigns": Loops({"Campaigns": campaigns.ask}, settings.campaigns_interval, askers, share=asking_services),
        "Dependencies": Loops({"Dependencies": dependencies.ask}, settings.interval, askers, share=asking_services),
    }

    health.oldest = lambda: max(each.oldest() for each in (loops, asked, *asking.values()))
    metrics.OLDEST.set_function(health.oldest)
    versions: dict[str, Any] = {}

    def heard(live: Manifest) -> None:
        """A change of what we made wakes whose it is. Pods tell nothing that their Deployment does not."""
        kind, meta, owner = live["kind"], live["metadata"], controller_of(live)
        fresh = (meta.get("generation"), meta.get("annotations"), meta.get("deletionTimestamp"))
        # The watch that told of a change may be ahead of the one that a look reads from.
        if kind in handlers.PLURALS and versions.get(meta["uid"]) != fresh:
            versions[meta["uid"]] = fresh
            for each in (loops, asked):
                each.wake(kind, meta["namespace"], meta["name"])
        if owner is not None and owner["kind"] in handlers.PLURALS:
            loops.wake(owner["kind"], live["metadata"]["namespace"], owner["name"])

    cluster.mirrored(heard)

    def notify(kind: str, namespace: str, name: str, version: Any) -> None:
        loops.notify(kind, namespace, name, version)
        if kind == "ShopConsumer":
            asked.notify(kind, namespace, name, version)
        if kind == "Shop":
            for question, asker in asking.items():
                asker.notify(question, namespace, name, version)

    running, ended = asyncio.get_running_loop(), threading.Event()
    watchers = ThreadPoolExecutor(len(settings.namespaces), thread_name_prefix="watch")

    async def watch(namespace: str) -> None:
        await asyncio.to_thread(_reach, cluster, namespace)
        # In a thread and a loop of its own: kopf takes the signals of the main thread for itself.
        await running.run_in_executor(
            watchers, handlers.watch, namespace, lambda *heard: running.call_soon_threadsafe(notify, *heard), ended
        )

    async def end() -> None:
        await stop.wait()
        ended.set()

    ending = asyncio.create_task(end())
    await watch_all(settings.namespaces, watch, stop)
    await ending


def _pool(name: str, threads: int, namespaces: int) -> tuple[ThreadPoolExecutor, int]:
    """Threads, and how many of them one namespace may hold at once: together never more than there are."""
    share = max(2, threads // namespaces)
    return ThreadPoolExecutor(max(threads, share * namespaces), thread_name_prefix=name), share


def _reach(cluster: Cluster, namespace: str) -> None:
    """May both kinds be listed there? kopf would try a forbidden one again and again, and then end."""
    for kind in handlers.PLURALS:
        cluster.probe(kind, namespace)


def _defined(cluster: Cluster, health: Health) -> bool:
    """Are both resources known to the API server? kopf would pass over an unknown one for good."""
    try:
        missing = [kind for kind in handlers.PLURALS if not cluster.serves(kind)]
        health.trouble = f"the CRDs of {' and '.join(missing)} are not installed" if missing else ""
    except ClusterError as error:
        health.trouble = str(error)
    if health.trouble:
        log.warning("waiting_to_start", extra={"detail": health.trouble})
    return not health.trouble


async def _until(stop: asyncio.Event, done: Callable[[], bool]) -> None:
    """Ask `done` once a second until it holds, or until `stop`."""
    while not stop.is_set() and not await asyncio.to_thread(done):
        try:
            async with asyncio.timeout(1):
                await stop.wait()
        except TimeoutError:
            continue


async def _beat(health: Health) -> None:
    while True:
        health.beat()
        await asyncio.sleep(2)


if __name__ == "__main__":
    main()
