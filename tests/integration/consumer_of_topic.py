"""The product's consumer on a topic and in a group of its own, so that a test may kill it beside a running platform.

Run by test_exactly_once.py as a process, `python consumer_of_topic.py TOPIC`; the environment sets it up as any other.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass

from cm_api.pipeline.consumer import Consumer, wait_for
from cm_api.pipeline.health import Health
from cm_api.settings import ConsumerSettings
from shop_core.config.settings import load
from shop_core.events import purchases
from shop_core.events.envelope import Domain
from shop_core.telemetry import logs


@dataclass(frozen=True)
class OwnGroup(Domain):
    """Purchases on another topic; the group has the topic's name."""

    @property
    def group(self) -> str:
        return self.topic


if __name__ == "__main__":
    settings = load(ConsumerSettings)
    logs.configure(settings)
    domain = OwnGroup("purchases", sys.argv[1], purchases.DOMAIN.events)
    consumer = wait_for(lambda: Consumer(domain, settings, Health()))
    signal.signal(signal.SIGTERM, lambda *_: consumer.stop.set())
    consumer.run()
