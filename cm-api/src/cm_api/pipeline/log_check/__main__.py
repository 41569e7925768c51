"""`python -m cm_api.pipeline.log_check`: hold the logs of domains against their read models, one after the other."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cm_api.notebook import Notebook
from cm_api.pipeline.log_check.check import Check
from cm_api.pipeline.log_check.progress import Progress
from cm_api.pipeline.log_check.reading import Reading
from cm_api.pipeline.log_check.verdict import Verdict
from cm_api.registry import read_model
from cm_api.settings import ConsumerSettings
from shop_core import cli
from shop_core.config.settings import load
from shop_core.errors import ConfigError
from shop_core.events import DOMAINS
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.topic_reader import topic_log
from shop_core.mongo import client


def main(argv: Sequence[str] | None = None) -> int:
    """0 when all is well, 3 when there is a fault, 4 when Kafka or the database could not be asked. A line of JSON a
    domain goes to stdout, the progress to stderr."""
    parser = argparse.ArgumentParser(prog="shopctl verify log", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("domains", nargs="+", metavar="DOMAIN")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="where the notebooks are kept")
    options = parser.parse_args(argv)
    worst = 0
    with cli.exit_with_message(outage=cli.EXIT_UNAVAILABLE):
        settings = load(ConsumerSettings, os.environ)
        try:
            options.work.mkdir(0o700, parents=True, exist_ok=True)  # the notebooks hold what events say
        except OSError as error:
            raise ConfigError(f"--work {options.work} can't be used ({error.strerror}).") from None
        for name in options.domains:
            verdict = checked(settings, name, options.work / f"{settings.mongodb_database}-{name}.sqlite")
            sys.stdout.write(msgspec.json.encode(verdict).decode() + "\n")
            sys.stdout.flush()
            worst = worst or (3 if any(verdict.faults.values()) else 0)
    return worst


def checked(settings: ConsumerSettings, name: str, file: Path) -> Verdict:
    """The verdict on one domain, whose notebook is `file`."""
    db = client.connect(settings, "shopctl-verify")
    client.require_transactions(db)
    book = Notebook(file)
    try:
        with topic_log(KafkaConnection.of(settings), DOMAINS[name].topic) as log:
            return Check(Reading(read_model(name), db, settings, log, book, Progress(name))).run()
    finally:
        book.close()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
