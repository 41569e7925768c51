"""The letters of a dead-letter topic, and what they say of themselves. Whoever may write to the topic may have written
one, so nothing in it is taken for granted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from shop_core.errors import Outage, ShopError
from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain, Message
from shop_core.kafka.log import read_all


@dataclass(frozen=True)
class Letter:
    """One dead letter: its message in the DLQ, the receipt of its source, and why it was refused.

    `count` is how many letters there are of its event: more than one where it was redriven in vain.
    """

    message: Message
    domain: Domain
    source: str
    reason: str
    time: str
    event_type: str
    kind: str
    cut: str | None
    count: int = 1

    @property
    def struct(self) -> type[Any] | None:
        """What the letter's data should have been; None for a type that its domain does not know."""
        return self.domain.events.get(self.event_type)


def letters(bootstrap: str, domain: Domain) -> list[Letter]:
    """The DLQ's letters, oldest first, each source once: a crash may have sent one twice."""
    try:
        messages = read_all(bootstrap, domain.dlq)
    except ShopError:
        raise
    except Exception as error:  # what the client can't parse is told by many names
        raise Outage(f"{domain.dlq} can't be read ({type(error).__name__}: {error})") from error
    found: dict[str, Letter] = {}
    for message in messages:
        letter = letter_of(domain, message)
        found.setdefault(letter.source, letter)
    return counted(found.values())


def letter_of(domain: Domain, message: Message) -> Letter:
    """What the consumer noted on the letter; one without a source is named by its own place in the DLQ."""
    said = {name: (value or b"").decode(errors="backslashreplace") for name, value in message.headers}
    place = [said.get(f"dlq_{name}", "") for name in ("topic", "partition", "offset")]
    known = place[0] == domain.topic and all(part.isascii() and part.isdigit() for part in place[1:])
    source = "-".join(place) if known else message.receipt
    return Letter(
        message,
        domain,
        source,
        reason=said.get("dlq_reason", "") or "no reason was noted",
        time=said.get("dlq_time", ""),
        event_type=said.get("ce_type", ""),
        kind=said.get("dlq_class", ""),
        cut=how_cut(said, message) if said.get("dlq_cut") else None,
    )


def how_cut(said: dict[str, str], message: Message) -> str:
    """A clause that tells what is kept of a letter that was too large."""
    kept = {"value": len(message.value or b""), "key": len(message.key or b"")}
    parts = []
    for part in said["dlq_cut"].split(","):
        whole = said.get(f"dlq_{part}_length") or "an unknown number of"
        parts.append(f"{kept[part]} of {whole} bytes of its {part}" if part in kept else f"some of its {part}")
    return f"it was cut: {', '.join(parts)} are kept"


def counted(every: Iterable[Letter]) -> list[Letter]:
    """Each with the number of letters of its event."""
    known = list(every)
    ids = [dict(letter.message.headers).get("ce_id") or letter.source.encode() for letter in known]
    counts = Counter(ids)
    return [replace(letter, count=counts[id]) for letter, id in zip(known, ids, strict=True)]


def domain_of(receipt: str) -> Domain | None:
    """The domain whose topic, or dead-letter topic, a receipt names."""
    topic = receipt.rsplit("-", 2)[0]
    return next((domain for domain in DOMAINS.values() if topic in (domain.topic, domain.dlq)), None)
