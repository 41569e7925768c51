"""X-Forwarded-For is believed of proxies that are named: whoever else writes it is counted by their own address."""

from __future__ import annotations

from typing import Any

import pytest

from cm_server.app import build
from cm_server.context import PREFIX, Context
from cm_server.query_proxy.client import QueryClient
from cm_server.rate_limit.trusted_proxies import networks
from cm_server.settings import ServerSettings
from shop_core.config.settings import load
from shop_core.errors import ConfigError
from shop_core.testing import MemoryPublisher

NETWORKS = "10.42.0.0/16, fd00:42::/48"
INGRESS = "10.42.3.7"


class Door:
    """A cm-server that takes one unknown call a minute from an address, and so tells which one it counted."""

    def __init__(self, **environment: str) -> None:
        settings = load(ServerSettings, {"LIMITS": "1/60", "HTTP_TRUSTED_PROXIES": "1", **environment})
        self.client = build(Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1")), settings).test_client()

    def call(self, peer: str, *forwarded: str) -> int:
        surrounds: dict[str, Any] = {"REMOTE_ADDR": peer}
        if forwarded:
            surrounds["HTTP_X_FORWARDED_FOR"] = ", ".join(forwarded)
        return self.client.get(f"{PREFIX}/v1/nowhere", environ_overrides=surrounds).status_code

    def counts(self, address: str) -> bool:
        """Was `address` counted? As the peer itself, without a header, nobody else is meant."""
        return self.call(address) == 429


@pytest.mark.security(32)
def test_a_proxy_of_the_networks_tells_callers_apart() -> None:
    door = Door(HTTP_TRUSTED_PROXY_NETWORKS=NETWORKS)
    assert [door.call(INGRESS, "192.0.2.1"), door.call(INGRESS, "192.0.2.2")] == [404, 404]
    assert door.call(INGRESS, "192.0.2.1") == 429
    assert door.counts("192.0.2.2") and not door.counts(INGRESS)


@pytest.mark.security(32)
@pytest.mark.parametrize("peer", ["10.43.0.9", "::ffff:10.43.0.9", "fd00:43::9", "", "unix"])
def test_anybody_else_is_counted_by_where_they_come_from(peer: str) -> None:
    door = Door(HTTP_TRUSTED_PROXY_NETWORKS=NETWORKS)
    assert door.call(peer, "192.0.2.1") == 404
    assert door.call(peer, "192.0.2.2") == 429, "a new address in the header is no fresh start"
    assert not door.counts("192.0.2.1"), "nor is it another's burden"


@pytest.mark.security(32)
@pytest.mark.parametrize("peer", [INGRESS, f"::ffff:{INGRESS}", "fd00:42::7", "fd00:42::7%eth0"])
def test_the_networks_know_their_own_in_either_family(peer: str) -> None:
    door = Door(HTTP_TRUSTED_PROXY_NETWORKS=NETWORKS)
    assert door.call(peer, "2001:db8::1") == 404 and door.call(peer, "192.0.2.2") == 404
    assert door.counts("2001:db8::1") and door.counts("192.0.2.2")


@pytest.mark.security(32)
def test_what_the_caller_wrote_before_the_proxies_counts_for_nothing() -> None:
    door = Door(HTTP_TRUSTED_PROXY_NETWORKS=NETWORKS)
    assert door.call(INGRESS, "198.51.100.1", "10.42.0.1", "192.0.2.1") == 404
    assert door.call(INGRESS, "198.51.100.2", INGRESS, "192.0.2.1") == 429

    two = Door(HTTP_TRUSTED_PROXY_NETWORKS=NETWORKS, HTTP_TRUSTED_PROXIES="2")
    assert two.call(INGRESS, "198.51.100.1", "192.0.2.1", "203.0.113.5") == 404
    assert two.call(INGRESS, "198.51.100.2", "192.0.2.1", "203.0.113.6") == 429
    assert two.call("10.43.0.9", "192.0.2.3", "203.0.113.5") == 404
    assert two.call("10.43.0.9", "192.0.2.4", INGRESS) == 429


@pytest.mark.security(32)
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"])
def test_without_networks_a_proxy_of_the_same_machine_is_believed(peer: str) -> None:
    door = Door()
    assert [door.call(peer, "192.0.2.1"), door.call(peer, "192.0.2.2")] == [404, 404]
    assert door.counts("192.0.2.1") and door.counts("192.0.2.2")


@pytest.mark.security(32)
@pytest.mark.parametrize("peer", ["10.43.0.9", "192.168.1.7", "fe80::1%eth0", "128.0.0.1", "::2", "unix", ""])
@pytest.mark.parametrize("said", [{}, {"HTTP_TRUSTED_PROXY_NETWORKS": ""}])
def test_and_nobody_elses_word_is_taken(peer: str, said: dict[str, str]) -> None:
    door = Door(**said)
    assert [door.call(peer, "192.0.2.1"), door.call(peer, "192.0.2.2")] == [404, 429]
    assert not door.counts("192.0.2.1")


def test_no_networks_believe_nobody_and_all_of_them_everybody() -> None:
    nobody = Door(HTTP_TRUSTED_PROXY_NETWORKS="")
    assert [nobody.call("127.0.0.1", "192.0.2.1"), nobody.call("127.0.0.1", "192.0.2.2")] == [404, 429]
    for peer in ("10.43.0.9", "fd00::9"):
        door = Door(HTTP_TRUSTED_PROXY_NETWORKS="0.0.0.0/0,::/0")
        assert [door.call(peer, "192.0.2.1"), door.call(peer, "192.0.2.2")] == [404, 404]
    none = Door(HTTP_TRUSTED_PROXIES="0", HTTP_TRUSTED_PROXY_NETWORKS=NETWORKS)
    assert [none.call(INGRESS, "192.0.2.1"), none.call(INGRESS, "192.0.2.2")] == [404, 429]


@pytest.mark.security(39)
@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Forwarded-Server", "Forwarded", "X-Host", "X-Original-Host"])
def test_no_header_gives_a_page_elsewhere_another_name(header: str) -> None:
    """A page whose name was made to lead here may send any header to it, also through a proxy that lets it through."""
    settings = load(ServerSettings, {"HTTP_TRUSTED_PROXIES": "1"})
    client = build(Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1")), settings).test_client()
    value = "host=localhost" if header == "Forwarded" else "localhost"
    for name, status in (("rebind.example", 403), ("localhost", 404)):
        sent = {"Host": name, header: value, "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
        assert client.get(f"{PREFIX}/v1/nowhere", headers=sent).status_code == status


@pytest.mark.security(39)
def test_no_header_makes_another_origin_ones_own() -> None:
    settings = load(ServerSettings, {"HTTP_TRUSTED_PROXIES": "1"})
    client = build(Context(MemoryPublisher(), QueryClient("http://127.0.0.1:1")), settings).test_client()
    sent = {"Host": "localhost", "Origin": "http://evil", "X-Forwarded-Host": "evil", "X-Forwarded-Port": "80"}
    assert client.post(f"{PREFIX}/buy", headers=sent, data="{}").status_code == 403


def test_networks_in_words() -> None:
    assert networks("") == networks(" ") == ()
    assert [str(each) for each in networks("10.0.0.0/8, fd00::/8,192.0.2.7")] == [
        "10.0.0.0/8",
        "fd00::/8",
        "192.0.2.7/32",
    ]
    assert [str(each) for each in networks("::ffff:10.42.0.0/112,::ffff:0:0/96,::/0")] == [
        "10.42.0.0/16",
        "0.0.0.0/0",
        "::/0",
    ]


@pytest.mark.parametrize(
    "bad", ["ingress-nginx", "10.42.0.0/33", "10.42.0.7/16", "10.42.0.0/16,", "10.0.0.0/8 fd00::/8"]
)
def test_a_bad_network_stops_the_start_with_what_to_set(bad: str) -> None:
    with pytest.raises(ConfigError) as told:
        load(ServerSettings, {"HTTP_TRUSTED_PROXY_NETWORKS": bad})
    assert str(told.value) == (
        "HTTP_TRUSTED_PROXY_NETWORKS must be networks like 10.42.0.0/16 or fd00:42::/48, with no bit set after the "
        f"prefix and commas between, but it is {bad!r}."
    )
