"""Whose word on a caller's address is taken: that of proxies whose networks are named.

Whoever connects may write X-Forwarded-For. Taken from anybody, it would let each caller choose the address that the
limits count it by, and so have no limit. Behind a proxy it is the only way to tell callers apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from shop_runtime.addresses import parsed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Network = IPv4Network | IPv6Network
_MAPPED = IPv6Network("::ffff:0:0/96")


def networks(value: str) -> tuple[Network, ...]:
    """`10.42.0.0/16, fd00:42::/48`: none, or some; an address alone is a network of one."""
    try:
        return tuple(_as_peers_are(ip_network(part.strip())) for part in value.split(",")) if value.strip() else ()
    except ValueError:
        raise ValueError(
            "must be networks like 10.42.0.0/16 or fd00:42::/48, with no bit set after the prefix and commas between"
        ) from None


def _as_peers_are(network: Network) -> Network:
    """IPv4 written as IPv6 is IPv4, since that is what such a peer is taken for."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


class TrustedProxies:
    """werkzeug's ProxyFix for connections from `trusted`; others are whoever they come from.

    `hops` proxies each add the address of their own peer to the header's end; what the first of them added counts.
    No other header is believed: proxies that set X-Forwarded-For often let a client's X-Forwarded-Host through, by
    which a page elsewhere would choose the name that it is served under (shop_core.http.browsers).
    """

    def __init__(self, app: WSGIApplication, hops: int, trusted: tuple[Network, ...]) -> None:
        self._unforwarded = app
        self._forwarded = ProxyFix(app, x_for=hops, x_proto=0, x_host=0)
        self._trusted = trusted

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        app = self._forwarded if self._trusts(environ.get("REMOTE_ADDR", "")) else self._unforwarded
        return app(environ, start_response)

    def _trusts(self, peer: str) -> bool:
        address = parsed(peer)
        return address is not None and any(address in network for network in self._trusted)
