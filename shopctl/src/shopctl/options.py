"""What `shopctl up` can be told: its arguments as one frozen value, checked before anything is started."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shop_core.errors import ConfigError
from shop_core.events import DOMAINS
from shopctl.layout import Layout, Ports, layout_of

MOST_CONSUMERS = 64


@dataclass(frozen=True)
class Options:
    """One `up`: where, on which ports, how many consumers, and which servers are already there."""

    layout: Layout
    ports: Ports
    consumers: Mapping[str, int]
    fresh: bool = False
    detach: bool = False
    cache: bool = False
    bootstrap: str | None = None
    mongodb_uri: str | None = None


def add_state_dir(parser: argparse.ArgumentParser) -> None:
    """The argument that every subcommand of a local platform has."""
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="where data and logs are kept (default: .shop in the clone)",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `up`."""
    add_state_dir(parser)
    parser.add_argument("--detach", action="store_true", help="return when all is ready; `shopctl down` stops it")
    parser.add_argument("--fresh", action="store_true", help="wipe data and logs first")
    parser.add_argument(
        "--consumers",
        action="append",
        default=[],
        metavar="DOMAIN=N",
        help="how many consumers of a domain, by default one each, e.g. purchases=2",
    )
    parser.add_argument("--cache", action="store_true", help="start a Valkey or Redis, too, and share caches by it")
    parser.add_argument("--port", type=port, metavar="PORT", help="port of cm-server (default: 8080)")
    parser.add_argument(
        "--offset",
        type=shift,
        default=0,
        metavar="N",
        help="shift every port by N, to run beside another platform",
    )


def port(value: str) -> int:
    """A port number from an argument."""
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise argparse.ArgumentTypeError(f"{value!r} is not a port: give a number from 1 to 65535")
    return int(value)


def shift(value: str) -> int:
    """An offset that leaves every port a port."""
    if not value.isdecimal() or int(value) > 65535 - Ports.database:
        raise argparse.ArgumentTypeError(f"{value!r} is no offset: give a number from 0 to {65535 - Ports.database}")
    return int(value)


def consumers_of(words: list[str]) -> dict[str, int]:
    """`["purchases=2,catalog=1"]` as a table with each known domain, one consumer where nothing is said."""
    counts = dict.fromkeys(DOMAINS, 1)
    for word in (part.strip() for text in words for part in text.split(",")):
        domain, _, number = word.partition("=")
        if domain not in DOMAINS:
            raise ConfigError(f"--consumers {word}: there is no domain {domain!r}, only {', '.join(DOMAINS)}.")
        if not number.isdecimal() or int(number) > MOST_CONSUMERS:
            raise ConfigError(f"--consumers {word}: give a number from 0 to {MOST_CONSUMERS}, as in {domain}=2.")
        counts[domain] = int(number)
    return counts


def options_from(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Options:
    """The options of `up` from its arguments and the variables that name servers already there."""
    named = next((name for name in ("CACHE_URL", "CACHE_URL_FILE") if environ.get(name, "").strip()), None)
    if arguments.cache and named is not None:
        raise ConfigError(f"--cache starts a cache, but {named} names one: unset it, or leave --cache out.")
    return Options(
        layout=layout_of(arguments.state_dir),
        ports=Ports.shifted(arguments.offset, arguments.port),
        consumers=consumers_of(arguments.consumers),
        fresh=arguments.fresh,
        detach=arguments.detach,
        cache=arguments.cache,
        bootstrap=environ.get("KAFKA_BOOTSTRAP_SERVERS", "").strip() or None,
        mongodb_uri=environ.get("MONGODB_URI", "").strip() or None,
    )
