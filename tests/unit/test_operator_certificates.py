"""The operator tells when certificates end, whatever else a Secret holds."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import REGISTRY

from shop_operator import metrics
from shop_operator.adapters import certificates
from shop_operator.adapters.cluster import Cluster

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def pem(end: datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop-kafka")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), NOW, end)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def secret(**keys: str) -> dict[str, object]:
    return {"data": {key.replace("_", "."): base64.b64encode(text.encode()).decode() for key, text in keys.items()}}


@pytest.mark.parametrize("days", [-1, 1, 90, 3650, 9000, 30_000])
def test_the_end_of_a_certificate_is_read(days: int) -> None:
    # From 2050 on, certificates write years with four digits.
    end = NOW + timedelta(days=max(days, 0), seconds=1)
    assert certificates.ends(secret(tls_crt=pem(end))) == {"tls.crt": end}


def test_of_a_chain_the_first_that_ends_counts() -> None:
    near, far = NOW + timedelta(days=3), NOW + timedelta(days=300)
    found = certificates.ends(secret(tls_crt=pem(far) + pem(near), ca_crt=f"# ours\n{pem(far)}\n"))
    assert found == {"tls.crt": near, "ca.crt": far}


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_has_no_end(text: str) -> None:
    assert certificates.ends(secret(tls_crt=text)) == {}


def test_a_part_of_a_certificate_has_no_end() -> None:
    whole = base64.b64decode("".join(pem(NOW + timedelta(days=3)).splitlines()[1:-1]))
    for size in range(0, len(whole), 7):
        body = base64.encodebytes(whole[:size]).decode()
        text = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
        assert set(certificates.ends(secret(tls_crt=text))) <= {"tls.crt"}


def test_the_secrets_that_a_shop_names() -> None:
    spec = {
        "kafka": {"caSecretRef": {"name": "kafka-tls"}},
        "mongodb": {"caSecretRef": {"name": "mongo-tls"}},
        "ingress": {"tls": {"secretName": "door"}},
    }
    assert certificates.named(spec) == ["door", "kafka-tls", "mongo-tls"]
    assert certificates.named({"kafka": {}, "mongodb": {}}) == []


def test_what_a_shop_names_no_more_is_told_no_more() -> None:
    def told() -> dict[tuple[str, str], float]:
        [family] = [each for each in REGISTRY.collect() if each.name == metrics.CERTIFICATE._name]
        mine = [each for each in family.samples if each.labels["name"] == "told"]
        return {(each.labels["secret"], each.labels["key"]): each.value for each in mine}

    metrics.certificates("shop", "told", {("a", "tls.crt"): 5.0, ("b", "ca.crt"): 6.0})
    assert told() == {("a", "tls.crt"): 5.0, ("b", "ca.crt"): 6.0}
    metrics.certificates("shop", "told", {("a", "tls.crt"): 4.0})
    assert told() == {("a", "tls.crt"): 4.0}
    metrics.certificates("shop", "told", {})
    assert told() == {}


class Named:
    """The one thing that is asked of a cluster here; counts."""

    def __init__(self, found: dict[str, object]) -> None:
        self.found, self.asked = found, 0

    def get(self, kind: str, namespace: str, name: str) -> dict[str, object] | None:
        assert (kind, namespace, name) == ("Secret", "shop", "kafka-tls")
        self.asked += 1
        return self.found


def test_a_look_at_a_shop_tells_the_seconds_that_are_left_and_asks_once_a_minute() -> None:
    cluster = Named(secret(tls_crt=pem(datetime.now(UTC) + timedelta(days=2))))
    looking = certificates.Certificates(cast(Cluster, cluster))
    body = {
        "metadata": {"namespace": "shop", "name": "looked"},
        "spec": {"kafka": {"caSecretRef": {"name": "kafka-tls"}}, "mongodb": {}},
    }
    looking.check(body)
    looking.check(body)
    labels = {"namespace": "shop", "name": "looked", "secret": "kafka-tls", "key": "tls.crt"}
    told = REGISTRY.get_sample_value("shop_operator_certificate_expires_seconds", labels)
    assert told is not None and 2 * 86400 - 60 < told <= 2 * 86400
    assert cluster.asked == 1
    looking.forget("shop", "looked")
    looking.check(body)
    assert cluster.asked == 2
    metrics.certificates("shop", "looked", {})
