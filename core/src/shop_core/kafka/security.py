"""How this process proves itself to Kafka and checks the broker: the same for every client it makes.

Read anew for each client, so that one made after a rotation has the new password and certificates; who must make a new
client then is said in `shop_core.config.credential_rotation`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from shop_core.config.settings import KafkaSettings, load
from shop_core.errors import ConfigError


def options() -> dict[str, Any]:
    """The options of a kafka-python client, none for a broker that speaks plaintext."""
    settings = load(KafkaSettings, os.environ)
    found: dict[str, Any] = {}
    if settings.security_protocol != "PLAINTEXT":
        found["security_protocol"] = settings.security_protocol
    if settings.security_protocol.endswith("SSL") and settings.ssl_ca_file:
        found["ssl_cafile"] = settings.ssl_ca_file
    if settings.security_protocol.startswith("SASL"):
        found |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": password(settings),
        }
    return found


def native_options() -> dict[str, Any]:
    """The same for confluent-kafka."""
    names = {
        "security_protocol": "security.protocol",
        "ssl_cafile": "ssl.ca.location",
        "sasl_mechanism": "sasl.mechanism",
        "sasl_plain_username": "sasl.username",
        "sasl_plain_password": "sasl.password",  # a setting's name  # nosec B105
    }
    return {names[name]: value for name, value in options().items()}


def password(settings: KafkaSettings) -> str:
    if not settings.sasl_username or not settings.sasl_password_file:
        raise ConfigError(
            "KAFKA_SECURITY_PROTOCOL asks for SASL: set both KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE."
        )
    try:
        found = Path(settings.sasl_password_file).read_text().strip()
    except OSError as error:
        raise ConfigError(f"KAFKA_SASL_PASSWORD_FILE can't be read ({error}).") from None
    if not found:
        raise ConfigError("KAFKA_SASL_PASSWORD_FILE is empty.")
    return found


def auth_hint() -> str:
    """What else a silence may mean: clients report a refused password as a broker that doesn't answer."""
    settings = load(KafkaSettings, os.environ)
    if not settings.security_protocol.startswith("SASL"):
        return ""
    return f", or refuses the user {settings.sasl_username}: look at its password and the broker's log"
