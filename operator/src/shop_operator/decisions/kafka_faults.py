"""What may be wrong between the operator and Kafka: four different things, each with what to correct. Pure."""

from __future__ import annotations

AWAY = "KafkaAway"
NOT_AUTHENTICATED = "KafkaAuthenticationFailed"
NOT_AUTHORIZED = "KafkaAuthorizationFailed"
REFUSED = "TopicRefused"
BAD_SECRET = "SecretInvalid"  # a reason, no password  # nosec B105
# Not a fault: the first answer is not there yet.
UNASKED = "KafkaNotAsked"


class KafkaTrouble(Exception):
    """Kafka does not answer, does not know us, or refuses; `reason` says which, the message what to correct."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def in_words(reason: str) -> str:
    """A trouble as the rule that decides on the number of pods says it."""
    return {
        AWAY: "Kafka is away",
        NOT_AUTHENTICATED: "Kafka refuses the login",
        NOT_AUTHORIZED: "Kafka denies the operator",
        REFUSED: "Kafka refuses the topic",
        BAD_SECRET: "a Secret for Kafka is invalid",
    }.get(reason, "the topic is missing")


def field_of(code: str, message: str) -> str:
    """The field of the resource that a broker's refusal of a topic is about, '' where that is its name."""
    if code == "InvalidReplicationFactorError":
        return "kafka.replicationFactor"
    if code == "InvalidPartitionsError":
        return "kafka.partitions"
    if code in ("InvalidConfigurationError", "InvalidConfigError"):
        return "kafka.minInsyncReplicas" if "min.insync.replicas" in message else "topicConfig"
    return ""
