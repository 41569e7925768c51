"""`python -m shop_core.admin.kafka_topics`: each domain's topics, made where missing. Safe to repeat.

For whoever has no operator: `shopctl up`, compose.yaml, and people by `shopctl kafka topics`. A topic that is there
stays as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from shop_core import cli
from shop_core.admin import arguments
from shop_core.config.settings import KafkaSettings, load
from shop_core.events import DOMAINS
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.topics import ensure_topics


def run(options: argparse.Namespace) -> int:
    """Make what is missing and name it; `Unavailable` where the brokers don't answer, or refuse."""
    kafka = KafkaConnection.of(load(KafkaSettings, os.environ))

    def make() -> list[str]:
        return ensure_topics(kafka, DOMAINS.values(), options.partitions, options.replication)

    made = cli.retry_while_unavailable(make, options.wait)
    sys.stdout.writelines(f"created topic {name}\n" for name in sorted(made))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return cli.command(sys.modules[__name__], arguments.kafka_topics, argv)


if __name__ == "__main__":
    sys.exit(main())
