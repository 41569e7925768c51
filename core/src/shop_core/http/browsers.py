"""What a web page elsewhere may do to a service that asks nobody who they are: nothing.

A browser sends what any page tells it, also to this machine and to the company's network. A page can't read the answer,
unless its own name leads here (DNS rebinding): so a name that anybody may own is refused unless it is a known one. And
it writes by simple requests that no preflight announces: so what a page of another origin sends is refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache, partial
from urllib.parse import urlsplit

from flask import Flask, request

from shop_core.auth import Forbidden
from shop_core.errors import FieldFault

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
HERE = ("same-origin", "none")
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]*))(?::[0-9]*)?")  # without what a lenient parser would skip
# Nobody outside gives these names away: RFC 6761 §6.3, and a cluster's own DNS.
_OWN = (".localhost", ".svc", ".svc.cluster.local")


def guard(app: Flask, hosts: str) -> None:
    """Refuse what pages elsewhere send; `hosts` are names of this service beside those that nobody else can have."""
    known = frozenset(hosts.split(","))
    ours = lru_cache(maxsize=64)(partial(is_ours, known=known))  # nearly all callers say the same

    def look() -> None:
        host = request.environ.get("HTTP_HOST", "")
        if not ours(host):
            raise Forbidden(
                FieldFault(
                    "Host", "is no name of this service: list it in HTTP_ALLOWED_HOSTS, or ask callers who they are"
                )
            )
        if request.method in SAFE:
            return
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        if site is not None:
            if site not in HERE:
                raise Forbidden(FieldFault("Sec-Fetch-Site", "a page elsewhere may not write here"))
        elif origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise Forbidden(FieldFault("Origin", "a page elsewhere may not write here"))

    app.before_request(look)


def is_ours(host: str, known: Collection[str]) -> bool:
    """Whether nobody elsewhere can make `host`, with or without a port, lead here."""
    found = _HOST.fullmatch(host.lower())
    if found is None:
        return False
    name = (found[1] or found[2]).removesuffix(".")
    return ("." not in name and ":" not in name) or name in known or name.endswith(_OWN) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
