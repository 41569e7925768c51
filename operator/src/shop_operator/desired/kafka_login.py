"""How to log in to Kafka: the keys of the Secrets that a resource names, each checked before it is used. Pure.

What is wrong is said with the Secret, the key and what is expected there, whatever bytes it holds.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shop_operator.desired.base import reachable

Manifest = dict[str, Any]
# By this annotation the owner of a Secret says to which brokers it may be sent; without it, to those that a spec names.
ADDRESSES = "scalable-shop.dev/bootstrap-servers"
# The keys of the Kafka Secret, named as KEDA's Kafka scaler names its parameters.
KEYS = ("sasl", "username", "password", "tls", "ca")
CA_KEY = "ca.crt"
MECHANISMS = {"plaintext": "PLAIN", "scram_sha256": "SCRAM-SHA-256", "scram_sha512": "SCRAM-SHA-512"}
SWITCH = {"enable": True, "disable": False}


class BadSecret(Exception):
    """A Secret that a resource names can't be used; the message says which, and what is expected."""


@dataclass(frozen=True)
class Login:
    """The values by key, and in words where they come from."""

    values: Mapping[str, str] = field(default_factory=dict)
    source: str = "no Secret (kafka.secretRef)"

    @property
    def user(self) -> str:
        return self.values.get("username", "nobody")


def texts(secret: Manifest, wanted: Iterable[str], place: str) -> dict[str, str]:
    """The texts of those `wanted` keys that a Secret has; `place` is its name and the field that names it."""
    data, found = secret.get("data") or {}, {}
    for key in wanted:
        if key in data:
            try:
                found[key] = base64.b64decode(data[key], validate=True).decode()
            except (ValueError, binascii.Error):
                raise BadSecret(f"{place}: {key} is no text in UTF-8") from None
    return found


def read(kafka: Manifest, find: Callable[[str], Manifest | None]) -> Login:
    """The login of `spec.kafka`; `find` gets a Secret of the resource's namespace."""
    values: dict[str, str] = {}
    source = Login().source
    if reference := kafka.get("secretRef"):
        source = f"Secret {reference['name']} (kafka.secretRef)"
        secret = _there(find(reference["name"]), source)
        _check_addresses(kafka, secret, source)
        values = texts(secret, KEYS, source)
        _check(values, source)
    if reference := kafka.get("kedaSecretRef"):
        place = f"Secret {reference['name']} (kafka.kedaSecretRef)"
        _check_addresses(kafka, _there(find(reference["name"]), place), place)
    if reference := kafka.get("caSecretRef"):
        place = f"Secret {reference['name']} (kafka.caSecretRef)"
        found = texts(_there(find(reference["name"]), place), (CA_KEY,), place)
        if CA_KEY not in found:
            raise BadSecret(f"{place} has no key {CA_KEY}: it must be a certificate in PEM")
        trust(found[CA_KEY], f"{place}: {CA_KEY}")
        values["ca"] = found[CA_KEY]
    return Login(values, source)


def trust(pem: str, place: str) -> ssl.SSLContext:
    """What brokers are checked by; `place` is where the certificates stand."""
    try:
        # An empty text would be the machine's own certificates.
        return ssl.create_default_context(cadata=pem or "none")
    except (ssl.SSLError, ValueError, TypeError):
        raise BadSecret(f"{place} is no certificate in PEM (-----BEGIN CERTIFICATE-----…)") from None


def options(login: Login) -> dict[str, Any]:
    """The Kafka client's options."""
    values = login.values
    sasl, encrypted = values.get("sasl", "none").strip(), SWITCH[values.get("tls", "disable").strip()]
    found: dict[str, Any] = {}
    if encrypted:
        found["ssl_context"] = trust(values["ca"], "ca") if values.get("ca") else ssl.create_default_context()
    if sasl == "none":
        return found | {"security_protocol": "SSL" if encrypted else "PLAINTEXT"}
    return found | {
        "security_protocol": "SASL_SSL" if encrypted else "SASL_PLAINTEXT",
        "sasl_mechanism": MECHANISMS[sasl],
        "sasl_plain_username": values["username"],
        "sasl_plain_password": values["password"],
    }


def _check_addresses(kafka: Manifest, secret: Manifest, place: str) -> None:
    """A password leaves only to the brokers that its owner has named."""
    meta = secret.get("metadata", {})
    said = (meta.get("annotations") or {}).get(ADDRESSES)
    if said is None:
        return
    allowed, wanted = (_whole(each, meta["namespace"]) for each in (said, kafka["bootstrapServers"]))
    if strange := sorted(wanted - allowed):
        raise BadSecret(
            f"{place} is not for {', '.join(strange)}: its annotation {ADDRESSES} names {said}. Correct"
            " kafka.bootstrapServers, or have the Secret's owner add the address"
        )


def _whole(addresses: str, namespace: str) -> set[str]:
    """Each address by the name that holds in any namespace."""
    named = reachable(addresses.replace(" ", ""), namespace).lower().split(",")
    return {each.replace(".svc.cluster.local:", ".svc:") for each in named}


def _there(secret: Manifest | None, place: str) -> Manifest:
    if secret is None:
        raise BadSecret(f"{place} does not exist: make it, or correct the name")
    return secret


def _check(values: Mapping[str, str], place: str) -> None:
    sasl, tls = values.get("sasl", "none").strip(), values.get("tls", "disable").strip()
    if sasl not in (*MECHANISMS, "none"):
        raise BadSecret(f"{place}: sasl is {_shown(sasl)}, but must be none, {', '.join(MECHANISMS)}")
    if tls not in SWITCH:
        raise BadSecret(f"{place}: tls is {_shown(tls)}, but must be {' or '.join(SWITCH)}")
    for key in ("username", "password") if sasl != "none" else ():
        if not values.get(key):
            raise BadSecret(f"{place} has no key {key}, or it is empty: sasl {sasl} needs it")
    if sasl == "plaintext" and not SWITCH[tls]:
        raise BadSecret(
            f"{place}: sasl plaintext without tls would send the password for everybody to read. Set tls to enable, or"
            " sasl to scram_sha512"
        )
    if values.get("ca"):
        trust(values["ca"], f"{place}: ca")


def _shown(value: str) -> str:
    """A short value as it is; what may be a password in the wrong place is not shown."""
    return repr(value) if len(value) <= 16 else f"something of {len(value)} characters"
