"""The way in by https, with a certificate that the release names: served in whole, from TLS 1.2 on, and nothing else
is. The controller has the settings of ingress/ingress-nginx-values.yaml."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3

from shop_cluster.canaries import CANARY
from shop_cluster.commands import run
from shop_cluster.installation import ADDRESS, PREFIX, Installation

Until = Callable[..., None]
HALF_A_YEAR = 182 * 24 * 3600
USER = f"{CANARY}-tls"
PURCHASE = json.dumps({"username": USER, "userid": USER, "price": "1.00"}).encode()


def signed(name: str, *words: str | Path) -> tuple[Path, Path]:
    """A certificate and its key in the working folder."""
    certificate, key = Path(f"{name}.crt"), Path(f"{name}.key")
    fresh = ("-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2")
    run("openssl", "req", "-x509", *fresh, *words)
    return certificate, key


@pytest.fixture(scope="module")
def authority(shop: Installation, tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Path]:
    """Meanwhile the release has a certificate of this authority, and http is sent to https."""
    folder = tmp_path_factory.mktemp("tls")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ca, ca_key = signed("ca", "-subj", "/CN=an authority of these tests")
        ours = ("-subj", f"/CN={shop.host}", "-addext", f"subjectAltName=DNS:{shop.host}")
        leaf, key = signed("tls", *ours, "-addext", "basicConstraints=critical,CA:FALSE", "-CA", ca, "-CAkey", ca_key)
        shop.kubectl("create", "secret", "tls", "edge", f"--cert={leaf}", f"--key={key}")
    try:
        shop.upgrade("--set", "ingress.tls.secretName=edge,ingress.tls.redirect=true")
        until(lambda: greeting(shop, folder / ca, "-tls1_2").returncode == 0, "the certificate is served", 30)
        until(lambda: shop.ask("GET", "/healthz").status != 200, "http is not served any more", 30)
        yield folder / ca
    finally:
        shop.upgrade()
        shop.kubectl("delete", "secret", "edge")
    until(lambda: shop.ask("GET", "/healthz").status == 200, "http is served again", 30)


def greeting(shop: Installation, authority: Path, version: str) -> subprocess.CompletedProcess[str]:
    """A handshake of one version of TLS by a client that itself would take any, and checks name and chain."""
    words = ("openssl", "s_client", "-connect", f"{ADDRESS}:443", "-servername", shop.host, version)
    checks = ("-CAfile", str(authority), "-verify_hostname", shop.host, "-verify_return_error")
    ciphers = ("-cipher", "DEFAULT@SECLEVEL=0")
    return subprocess.run([*words, *checks, *ciphers], input="", capture_output=True, text=True, check=False)


def by_https(
    shop: Installation, authority: Path, method: str, path: str, body: bytes | None = None
) -> urllib3.BaseHTTPResponse:
    connections = urllib3.HTTPSConnectionPool(
        ADDRESS, 443, ca_certs=str(authority), server_hostname=shop.host, assert_hostname=shop.host
    )
    with connections as pool:
        headers = {"Host": shop.host, "Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"}
        return pool.request(method, PREFIX + path, headers=headers, retries=False, body=body)


@pytest.mark.security(18)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_given_certificate_is_served_and_checks(shop: Installation, authority: Path, version: str) -> None:
    done = greeting(shop, authority, version)
    assert done.returncode == 0, done.stderr
    assert "Verification: OK" in done.stdout and f"Verified peername: {shop.host}" in done.stdout
    assert f"New, {version.replace('-tls1_', 'TLSv1.')}" in done.stdout


@pytest.mark.security(18)
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_what_is_older_is_refused(shop: Installation, authority: Path, version: str) -> None:
    done = greeting(shop, authority, version)
    # By the server: a client that did not even try would say something else.
    assert done.returncode != 0 and "alert protocol version" in done.stderr, done.stdout + done.stderr


@pytest.mark.security(18)
@pytest.mark.parametrize(
    ("method", "path", "body"), [("GET", "/healthz", None), ("POST", "/buy", PURCHASE)], ids=["GET", "POST"]
)
def test_http_is_sent_to_https(shop: Installation, authority: Path, method: str, path: str, body: bytes | None) -> None:
    answer = shop.request(method, path, body=body)
    # 308 and not 301: a POST stays one.
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{shop.host}{PREFIX}{path}")


@pytest.mark.security(18)
def test_a_purchase_by_https_whose_answer_binds_the_browser_to_it(shop: Installation, authority: Path) -> None:
    answer = by_https(shop, authority, "POST", "/buy", body=PURCHASE)
    assert answer.status == 200, answer.data
    told = re.fullmatch(r"max-age=(\d+)(; ?includeSubDomains)?", answer.headers["Strict-Transport-Security"])
    assert told and int(told[1]) >= HALF_A_YEAR
    history = f"/getAllUserBuys/{USER}?after={answer.json()['receipt']}"
    assert by_https(shop, authority, "GET", history).status == 200
