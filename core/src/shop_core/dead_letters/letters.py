"""The letters of a dead-letter topic, and what they say of themselves. Whoever may write to the topic may have written
one, so nothing in it is taken for granted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shop_core.errors import ShopError, Unavailable
from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain, Headers, Message
from shop_core.events.receipts import Receipt
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.topic_reader import read_all


@dataclass(frozen=True)
class Letter:
    """One dead letter: its message in the DLQ, the receipt of its source, and why it was refused.

    `cut` tells of each part (`value`, `key`, `headers`) that is not kept whole how much there is of it. `count` is how
    many letters there are of its event: more than one where it was redriven in vain.
    """

    message: Message
    domain: Domain
    source: str
    reason: str
    time: str
    event_type: str
    kind: str
    cut: Mapping[str, str]
    count: int = 1

    @property
    def struct(self) -> type[Any] | None:
        """What the letter's data should have been; None for a type that its domain does not know."""
        return self.domain.events.get(self.event_type)


def letters(kafka: KafkaConnection, domain: Domain) -> list[Letter]:
    """The DLQ's letters, oldest first, each source once: a crash may have sent one twice."""
    try:
        messages = read_all(kafka, domain.dlq)
    except ShopError:
        raise
    except Exception as error:  # what the client can't parse is told by many names
        raise Unavailable(f"{domain.dlq} can't be read ({type(error).__name__}: {error})") from error
    found: dict[str, Letter] = {}
    for message in messages:
        letter = letter_of(domain, message)
        found.setdefault(letter.source, letter)
    return counted(found.values())


def letter_of(domain: Domain, message: Message) -> Letter:
    """What the consumer noted on the letter; one without a source is named by its own place in the DLQ."""
    noted = text_of(noted_by_consumer(message.headers))
    place = [noted.get(f"dlq_{name}", "") for name in ("topic", "partition", "offset")]
    known = place[0] == domain.topic and all(part.isascii() and part.isdigit() for part in place[1:])
    source = "-".join(place) if known else message.receipt
    return Letter(
        message,
        domain,
        source,
        reason=noted.get("dlq_reason", "") or "no reason was noted",
        time=noted.get("dlq_time", ""),
        event_type=text_of(message.headers).get("ce_type", ""),
        kind=noted.get("dlq_class", ""),
        cut=how_cut(noted, message),
    )


def noted_by_consumer(headers: Headers) -> Headers:
    """The headers that the consumer put behind the event's own, which may have had the same names."""
    starts = [number for number, (name, _) in enumerate(headers) if name == "dlq_reason"]
    return headers[starts[-1] :] if starts else ()


def text_of(headers: Headers) -> dict[str, str]:
    return {name: (value or b"").decode(errors="backslashreplace") for name, value in headers}


def how_cut(noted: Mapping[str, str], message: Message) -> dict[str, str]:
    """For each part that was too large, as `dlq_cut` names them, a clause that says what is kept of it."""
    kept = {"value": len(message.value or b""), "key": len(message.key or b"")}
    found = {}
    for part in filter(None, noted.get("dlq_cut", "").split(",")):
        whole = noted.get(f"dlq_{part}_length") or "an unknown number of"
        digest = noted.get(f"dlq_{part}_sha256") or "unknown"
        found[part] = f"{kept.get(part, 'some')} of {whole} bytes are kept, SHA-256 of the whole {digest}"
    return found


def counted(every: Iterable[Letter]) -> list[Letter]:
    """Each with the number of letters of its event."""
    known = list(every)
    ids = [dict(letter.message.headers).get("ce_id") or letter.source.encode() for letter in known]
    counts = Counter(ids)
    return [replace(letter, count=counts[id]) for letter, id in zip(known, ids, strict=True)]


def domain_of(receipt: str) -> Domain | None:
    """The domain whose topic, or dead-letter topic, a receipt names."""
    topic = Receipt.of(receipt).topic
    return next((domain for domain in DOMAINS.values() if topic in (domain.topic, domain.dlq)), None)
