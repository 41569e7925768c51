"""When the certificates end that a Shop names: read from their Secrets each minute, and told as a metric.

Whoever renews them may fail for weeks without anybody noticing; the alert is charts/shop-operator's.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from shop_operator import metrics
from shop_operator.adapters.cluster import Cluster, Manifest
from shop_operator.desired import kafka_login

KEYS = ("tls.crt", "ca.crt")
_LOOK_SECONDS = 60.0
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME = 0xA0, 0x17


class Certificates:
    """Tells the time left of each certificate of each Shop."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._looked: dict[tuple[str, str], float] = {}

    def check(self, body: Manifest) -> None:
        place = body["metadata"]["namespace"], body["metadata"]["name"]
        if time.monotonic() - self._looked.get(place, -_LOOK_SECONDS) < _LOOK_SECONDS:
            return
        self._looked[place] = time.monotonic()
        found = {}
        for name in named(body["spec"]):
            secret = self._cluster.get("Secret", place[0], name) or {}
            for key, end in ends(secret).items():
                found[name, key] = (end - datetime.now(UTC)).total_seconds()
        metrics.certificates(*place, found)

    def forget(self, namespace: str, name: str) -> None:
        self._looked.pop((namespace, name), None)


def named(spec: Manifest) -> list[str]:
    """The Secrets that hold certificates: of Kafka, of MongoDB, of the door."""
    references = [spec[part].get("caSecretRef") for part in ("kafka", "mongodb") if spec.get(part)]
    door = (spec.get("ingress") or {}).get("tls") or {}
    names = [reference["name"] for reference in references if reference] + [door.get("secretName")]
    return sorted({name for name in names if name})


def ends(secret: Manifest) -> dict[str, datetime]:
    """When the first certificate of each key ends; what is no certificate is told elsewhere, by whoever needs it."""
    found = {}
    for key in KEYS:
        try:
            text = kafka_login.texts(secret, (key,), "").get(key, "")
            times = [not_after(ssl.PEM_cert_to_DER_cert(block)) for block in _BLOCK.findall(text)]
        except (kafka_login.BadSecret, ValueError, IndexError, StopIteration):
            continue
        if times:
            found[key] = min(times)
    return found


def not_after(der: bytes) -> datetime:
    """The end of a certificate's validity (RFC 5280, 4.1); ssl tells it of authorities only."""
    _, certificate = next(_values(der))
    _, signed = next(_values(certificate))
    # Serial number, algorithm and issuer are before the validity.
    validity = [content for tag, content in _values(signed) if tag != _VERSION][3]
    tag, end = list(_values(validity))[1]
    text = end.decode("ascii")
    if tag == _UTC_TIME:
        text = ("20" if int(text[:2]) < 50 else "19") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _values(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each value in a row."""
    place = 0
    while place < len(der):
        tag, size = der[place], der[place + 1]
        place += 2
        if size & 0x80:
            count = size & 0x7F
            size, place = int.from_bytes(der[place : place + count], "big"), place + count
        yield tag, der[place : place + size]
        place += size
