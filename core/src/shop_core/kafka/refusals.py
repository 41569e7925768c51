"""What a broker refuses before it writes anything of a batch, by the protocol's code: whom that concerns, and the same
words whichever client heard it."""

from __future__ import annotations

from shop_core.errors import RecordRefused, RecordTooLarge, Refused, TopicRefused

NOT_THERE = 3
REFUSALS: dict[int, tuple[type[Refused], str]] = {
    NOT_THERE: (TopicRefused, "UNKNOWN_TOPIC_OR_PARTITION: the cluster has no such topic or partition"),
    10: (RecordTooLarge, "MESSAGE_TOO_LARGE: it is larger than the topic takes"),
    17: (TopicRefused, "INVALID_TOPIC_EXCEPTION: nobody may write to this topic"),
    18: (RecordTooLarge, "RECORD_LIST_TOO_LARGE: it is larger than a segment of the topic's log"),
    29: (TopicRefused, "TOPIC_AUTHORIZATION_FAILED: this user is not authorized to write to it"),
    32: (RecordRefused, "INVALID_TIMESTAMP: its time is too far from the broker's"),
    43: (RecordRefused, "UNSUPPORTED_FOR_MESSAGE_FORMAT: the topic's format of messages is too old"),
    44: (RecordRefused, "POLICY_VIOLATION: the broker's policy forbids it"),
    76: (RecordRefused, "UNSUPPORTED_COMPRESSION_TYPE: the topic can't hold its compression"),
    87: (RecordRefused, "INVALID_RECORD: it breaks a rule of the topic, such as that each record has a key"),
}


def refusal(topic: str, code: int) -> Refused:
    """The refusal by this code of the protocol."""
    kind, words = REFUSALS[code]
    return kind(topic, words)
