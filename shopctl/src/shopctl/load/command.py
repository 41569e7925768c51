"""Runs one load: where it goes, a line a second, and what came of it."""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from shop_core.errors import ConfigError
from shopctl.load import profiles
from shopctl.load.options import base_of
from shopctl.load.sender import Sender, threads_for
from shopctl.load.tally import Tally, summary
from shopctl.terminal import escaped

NOT_ALL_WELL, INTERRUPTED = 3, 130


def run(options: argparse.Namespace) -> int:
    """0 when each request was answered well and each purchase stored; 3 otherwise."""
    base, headers = base_of(options), credentials(options)
    tally = Tally(random.Random())  # a sample, no secret  # nosec B311
    chance = random.Random()  # made-up users  # nosec B311
    with Sender(base, headers, threads_for(options.rate), tally) as sender:
        products = sender.products()
        if not products and profiles.needs_products(options.profile):
            raise ConfigError(
                f"The catalog is empty, and {options.profile} looks at products: `shopctl seed` fills it."
            )
        print(f"shopctl: {options.profile} on {escaped(base)}", file=sys.stderr, flush=True)
        planned = zip(
            profiles.schedule(options.profile, options.rate, options.seconds),
            profiles.requests(options.profile, products, chance),
            strict=False,
        )
        start, took, asked, interrupted = time.monotonic(), 0.0, None, False
        try:
            with _told_each_second(tally):
                sender.drive(planned)
            took = time.monotonic() - start
            if tally.receipts:
                asked = sender.receipts(tally.receipts, tally.receipts_given, options.settle)
        except KeyboardInterrupt:
            interrupted = True
            sender.stop()
        took = took or time.monotonic() - start
    print("\n".join(summary(tally, took, asked)))
    if interrupted:
        return INTERRUPTED
    well = not tally.errors and (asked is None or set(asked.states) <= {"stored"})
    return 0 if well else NOT_ALL_WELL


@contextmanager
def _told_each_second(tally: Tally) -> Iterator[None]:
    """A line on stderr each second, as long as the block runs."""
    over = threading.Event()

    def tell() -> None:
        second, before = 0, 0
        while not over.wait(1.0):
            second += 1
            line, before = tally.live(second, before), tally.sent
            print(line, file=sys.stderr, flush=True)

    telling = threading.Thread(target=tell, name="load-lines", daemon=True)
    telling.start()
    try:
        yield
    finally:
        over.set()
        telling.join()


def credentials(options: argparse.Namespace) -> dict[str, str]:
    """The header that sends the API key of --key-file."""
    if options.key_file is None:
        return {}
    try:
        key = options.key_file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"--key-file {options.key_file} cannot be read.") from None
    if not key.isascii() or not key.isprintable() or not key:
        raise ConfigError(f"--key-file {options.key_file} must hold one API key and nothing else.")
    return {"Authorization": f"Bearer {key}"}
