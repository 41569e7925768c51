"""The issuer's public keys (JWKS): fetched once, refreshed beside the requests, kept when the issuer is away.

A key id that is not known makes one fetch, at most every few seconds whatever the callers send, so that a rotated key
works at once and made-up ones cost nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import urllib3
from joserfc import jwk
from joserfc.errors import JoseError

from shop_core.errors import Unavailable

log = logging.getLogger(__name__)
REFRESH_SECONDS = 300.0
UNKNOWN_SECONDS = 5.0
MOST_BYTES = 256 * 1024
LEAST_RSA_BITS = 2048  # RFC 7518 §3.3
PUBLIC_TYPES = ("RSA", "EC", "OKP")
Fetch = Callable[[], bytes]
Key = jwk.RSAKey | jwk.ECKey | jwk.OKPKey | jwk.OctKey


def from_url(url: str, ca_file: str = "") -> Fetch:
    """Fetch `url`; redirects are not followed."""
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2.0, read=3.0), ca_certs=ca_file or None)

    def fetch() -> bytes:
        answer = pool.request("GET", url, redirect=False, retries=False, preload_content=False)
        try:
            if answer.status != 200:
                raise ValueError(f"answered {answer.status}")
            return answer.read(MOST_BYTES + 1)
        finally:
            answer.release_conn()

    return fetch


def from_file(path: str) -> Fetch:
    return lambda: Path(path).read_bytes()


def parse(document: bytes) -> dict[str | None, tuple[Key, str | None]]:
    """Each signing key with the algorithm it is for, by its id; secret keys and keys for encryption are left out."""
    if len(document) > MOST_BYTES:
        raise ValueError("is too large")
    listed = msgspec.json.decode(document, type=dict[str, Any]).get("keys")
    if not isinstance(listed, list):
        raise ValueError("has no list of keys")
    found: dict[str | None, tuple[Key, str | None]] = {}
    for entry in listed:
        if not isinstance(entry, dict) or entry.get("kty") not in PUBLIC_TYPES or entry.get("use", "sig") != "sig":
            continue
        public = {name: value for name, value in entry.items() if name not in ("d", "p", "q", "dp", "dq", "qi")}
        try:
            key = jwk.import_key(public)
            if isinstance(key, jwk.RSAKey) and key.public_key.key_size < LEAST_RSA_BITS:
                raise ValueError("is too short")
            found[entry.get("kid")] = key, entry.get("alg")
        except (JoseError, ValueError, KeyError, TypeError):
            log.warning("jwks_key_ignored", extra={"kid": str(entry.get("kid"))[:80]})
    if not found:
        raise ValueError("has no key that can verify a signature")
    return found


class Jwks:
    """`find` answers from memory; `clock` is monotonic seconds."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str | None, tuple[Key, str | None]] = {}
        self._asked = float("-inf")
        self._lock = threading.Lock()

    def find(self, kid: str | None) -> tuple[Key, str | None] | None:
        """The key `kid` and its algorithm, or None; a token without one means the only key there is.

        Raises `Unavailable` while no key was ever had.
        """
        if not self._keys or (self._named(kid) is None and self._clock() - self._asked > UNKNOWN_SECONDS):
            self._refresh()
        elif self._clock() - self._asked > REFRESH_SECONDS:
            threading.Thread(target=self._refresh, name="jwks", daemon=True).start()
        if not self._keys:
            raise Unavailable("the issuer's keys can't be had")
        return self._named(kid)

    def _named(self, kid: str | None) -> tuple[Key, str | None] | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def _refresh(self) -> None:
        """Fetch once for all who wait; a fetch that fails leaves the keys as they are."""
        asked = self._asked
        with self._lock:
            if self._asked != asked or (not self._keys and self._clock() - self._asked < 1.0):
                return
            self._asked = self._clock()
            try:
                self._keys = parse(self._fetch())
                log.info("jwks_read", extra={"keys": len(self._keys)})
            except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
                log.warning("jwks_unavailable", extra={"error": type(error).__name__, "kept": len(self._keys)})
