"""From where somebody calls, as far as it tells one party from another."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


def parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """What a socket calls its peer; an IPv4 address that came by an IPv6 socket is the IPv4 address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """An IPv4 address as it is, of an IPv6 address the /64, which is what one household or host is given."""
    found = parsed(address)
    if found is None:
        return address or "-"
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
