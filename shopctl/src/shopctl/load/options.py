"""What `shopctl load` can be told, and that it goes to nobody by accident. No client in here: the parser imports it."""

from __future__ import annotations

import argparse
import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from shop_core.errors import ConfigError
from shopctl.argument_types import number
from shopctl.layout import layout_of, shown
from shopctl.options import add_state_dir
from shopctl.state import StateDirectory

PROFILES = ("browse", "black-friday", "steady")
LOWEST_RATE, MOST_RATE = 0.1, 2000.0
MOST_SECONDS = 600.0
rate = number(LOWEST_RATE, MOST_RATE, "requests a second")
seconds = number(1, MOST_SECONDS, "seconds")
settle = number(0, 60, "seconds")


def add_load(parser: argparse.ArgumentParser) -> None:
    about = (
        "browse: mostly lists, products and reviews; black-friday: up to the peak and down again, mostly purchases of "
        "few products; steady: purchases at a constant rate"
    )
    parser.add_argument("--profile", choices=PROFILES, required=True, help=about)
    parser.add_argument(
        "--rate",
        type=rate,
        required=True,
        metavar="R",
        help=f"requests a second, at the peak; at most {MOST_RATE:,.0f}",
    )
    parser.add_argument(
        "--for", type=seconds, required=True, metavar="SECONDS", dest="seconds", help=f"at most {MOST_SECONDS:.0f}"
    )
    parser.add_argument(
        "--settle", type=settle, default=10.0, metavar="SECONDS",
        help="how long to wait at the end until purchases are stored or rejected (default: 10, at most 60)",
    )  # fmt: skip
    add_address(parser)
    add_state_dir(parser)


def add_address(parser: argparse.ArgumentParser) -> None:
    """Where requests go, and under which key."""
    parser.add_argument("--url", help="address with its path, e.g. http://localhost:8080/scalable-shop-cm-server")
    host = "the host of --url again, where it is not this machine: whoever runs it has agreed to the load"
    parser.add_argument("--yes-this-host", metavar="HOST", help=host)
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="a file with the API key to send")


def base_of(options: argparse.Namespace) -> str:
    """The address to send to: that of --url, else that of the platform that runs in the state directory."""
    if options.url is not None:
        return _allowed(options.url, options.yes_this_host)
    if options.yes_this_host is not None:
        raise ConfigError("--yes-this-host goes with --url only.")
    directory = StateDirectory(layout_of(options.state_dir))
    state = directory.read() if directory.supervisor() is not None else None
    if state is None:
        raise ConfigError(
            f"No platform runs in {shown(directory.layout.state)}: start one by `make run`, or give --url."
        )
    return state.url.rstrip("/")


def _allowed(url: str, confirmed: str | None) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.username or parts.query or parts.fragment:
        raise ConfigError(f"--url {url}: give http:// or https:// with host, port and path, without login or query.")
    if not _is_loopback(host) and confirmed != host:
        raise ConfigError(
            f"{host} is not this machine: add --yes-this-host {host} if its owner has agreed to the load."
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
