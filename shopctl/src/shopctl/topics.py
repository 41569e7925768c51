"""`python -m shopctl.topics PARTITIONS REPLICATION`: each domain's topics, made where missing.

A process of its own, so that the supervisor never waits for a broker in a thread it can't stop."""

from __future__ import annotations

import os
import sys
import time

from shop_core.config.settings import KafkaSettings, load
from shop_core.errors import ShopError, Unavailable
from shop_core.events import DOMAINS
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.topics import ensure_topics

WAIT_FOR_BROKER = 30.0


def main(kafka: KafkaConnection, partitions: int, replication: int) -> None:
    """Make the topics; a broker that has just started gets some time to answer."""
    deadline = time.monotonic() + WAIT_FOR_BROKER
    while True:
        try:
            ensure_topics(kafka, DOMAINS.values(), partitions, replication)
            return
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


if __name__ == "__main__":
    try:
        kafka = KafkaConnection.of(load(KafkaSettings, os.environ))
        main(kafka, int(sys.argv[1]), int(sys.argv[2]))
    except ShopError as error:
        sys.exit(str(error))
