"""Where Kafka is, how this process proves itself there and checks the broker: one value, passed in to whatever makes a
client.

Files are read anew for each client, so that one made after a rotation has the new password and certificates; who must
make a new client then is said in `shop_core.config.credential_rotation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shop_core.config.settings import KafkaSettings
from shop_core.errors import ConfigError, Unavailable

# librdkafka's names for what kafka-python calls otherwise.
NATIVE_NAMES = {
    "bootstrap_servers": "bootstrap.servers",
    "security_protocol": "security.protocol",
    "ssl_cafile": "ssl.ca.location",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_plain_username": "sasl.username",
    "sasl_plain_password": "sasl.password",  # a setting's name  # nosec B105
}


@dataclass(frozen=True)
class KafkaConnection:
    """`bootstrap_servers` as host:port,…; the rest as `KafkaSettings` describes it. As text: the servers."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    ssl_ca_file: str = ""
    sasl_mechanism: str = "SCRAM-SHA-512"
    sasl_username: str = ""
    sasl_password_file: str = ""

    @classmethod
    def of(cls, settings: KafkaSettings) -> KafkaConnection:
        return cls(
            settings.bootstrap_servers,
            settings.security_protocol,
            settings.ssl_ca_file,
            settings.sasl_mechanism,
            settings.sasl_username,
            settings.sasl_password_file,
        )

    def __str__(self) -> str:
        return self.bootstrap_servers

    @property
    def addresses(self) -> list[str]:
        return [address.strip() for address in self.bootstrap_servers.split(",")]

    def options(self) -> dict[str, Any]:
        """The options of a kafka-python client; `ConfigError` where the login is not whole."""
        found: dict[str, Any] = {"bootstrap_servers": self.addresses}
        if self.security_protocol != "PLAINTEXT":
            found["security_protocol"] = self.security_protocol
        if self.security_protocol.endswith("SSL") and self.ssl_ca_file:
            found["ssl_cafile"] = self.ssl_ca_file
        if self.security_protocol.startswith("SASL"):
            found |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self._password(),
            }
        return found

    def native_options(self) -> dict[str, Any]:
        """The same for confluent-kafka."""
        found = self.options() | {"bootstrap_servers": self.bootstrap_servers}
        return {NATIVE_NAMES[name]: value for name, value in found.items()}

    def unavailable(self, reason: object, what: str = "does not answer") -> Unavailable:
        """An outage in words: what Kafka does not do, and why by the client."""
        return Unavailable(f"Kafka at {self} {what} ({reason}){self.login_hint()}")

    def login_hint(self) -> str:
        """What else a silence may mean: clients report a refused password as a broker that doesn't answer."""
        if not self.security_protocol.startswith("SASL"):
            return ""
        return f", or refuses the user {self.sasl_username}: look at its password and the broker's log"

    def _password(self) -> str:
        if not self.sasl_username or not self.sasl_password_file:
            raise ConfigError(
                "KAFKA_SECURITY_PROTOCOL asks for SASL: set both KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE."
            )
        try:
            found = Path(self.sasl_password_file).read_text().strip()
        except OSError as error:
            raise ConfigError(f"KAFKA_SASL_PASSWORD_FILE can't be read ({error}).") from None
        if not found:
            raise ConfigError("KAFKA_SASL_PASSWORD_FILE is empty.")
        return found
