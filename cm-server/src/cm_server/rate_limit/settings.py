"""Settings of how often callers may call."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cm_server.rate_limit.trusted_proxies import Network, networks
from shop_core.config.settings import LogSettings, redis_address
from shop_runtime.settings_loader import variable, whole

_LIMIT = re.compile(r"(?:([A-Z]+ /\S*)=)?([1-9][0-9]{0,6})/([1-9][0-9]{0,4})")


@dataclass(frozen=True)
class Limit:
    """`count` requests in any `seconds`."""

    count: int
    seconds: int


def limits(value: str) -> str:
    """`600/60, POST /buy=50/10`: for every route, and for single ones; requests per seconds."""
    parse(value)
    return value


def parse(value: str) -> dict[str, Limit]:
    """Each limit by its route, "" for every other route."""
    found: dict[str, Limit] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        matched = _LIMIT.fullmatch(part)
        if matched is None:
            raise ValueError("must be like 600/60 or POST /buy=50/10 (requests/seconds), with commas between")
        found[matched.group(1) or ""] = Limit(int(matched.group(2)), int(matched.group(3)))
    return found


@dataclass(frozen=True)
class LimitSettings(LogSettings):
    """How often each caller may use each route."""

    limits: str = variable(
        "LIMITS", "", limits, "requests/s", "Per caller and route: 600/60, and for single routes POST /buy=50/10"
    )
    limits_url: str = variable(
        "LIMITS_URL",
        "",
        redis_address,
        "URL",
        "Redis or Valkey that holds the counters of all workers and pods; without it each worker counts for itself",
    )
    limits_url_file: str = variable("LIMITS_URL_FILE", "", str, "path", "File with that URL, where it has a password")
    trusted_proxies: int = variable(
        "HTTP_TRUSTED_PROXIES",
        0,
        whole(0, 9),
        "proxies",
        "Number of trusted reverse proxies whose X-Forwarded-For is honoured",
    )
    trusted_proxy_networks: tuple[Network, ...] = variable(
        "HTTP_TRUSTED_PROXY_NETWORKS",
        (),
        networks,
        "CIDRs",
        "Networks of those proxies, with commas between: from other peers X-Forwarded-For is ignored; "
        "without any, every peer is believed",
    )
