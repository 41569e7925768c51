"""One draw: a record that some client may put into a domain's topic, as a choice of one kind for each of its parts.

The parts are few and each has a plain member, so that a draw says in a line what is odd about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, TypeVar

from hypothesis import strategies as st

from shop_arrivals.attributes import ATTRIBUTES, EXTRAS
from shop_arrivals.values import VALUES

PARTITIONS = 12
T = TypeVar("T")


class Domain(StrEnum):
    """A domain, by its name."""

    PURCHASES = "purchases"
    CATALOG = "catalog"
    CAMPAIGNS = "campaigns"
    ANALYTICS = "analytics"

    @property
    def topic(self) -> str:
        return f"shop.{self}"


class Client(StrEnum):
    """Who sends it."""

    LIBRDKAFKA = "librdkafka"
    JAVA = "java"


class Codec(StrEnum):
    """Every codec of the Kafka protocol."""

    NONE = "none"
    GZIP = "gzip"
    SNAPPY = "snappy"
    LZ4 = "lz4"
    ZSTD = "zstd"


class State(StrEnum):
    """The transaction that it is part of; OPEN is left open for a moment, then aborted."""

    NONE = "none"
    COMMITTED = "committed"
    ABORTED = "aborted"
    OPEN = "open"


class Size(StrEnum):
    """How large it is before compression; LIMIT is just below what the broker takes without it."""

    TINY = "tiny"
    KB = "1 KB"
    KB_100 = "100 KB"
    LIMIT = "limit"
    MB_3 = "3 MB"


class Padding(StrEnum):
    """What makes it that large. White space after the JSON leaves it valid."""

    SPACE = "space"
    FIELD = "field"
    HEADER = "header"
    KEY = "key"


class Key(StrEnum):
    """The record's key; RIGHT is the entity whose order matters."""

    RIGHT = "right"
    NULL = "null"
    EMPTY = "empty"
    BINARY = "binary"
    OTHER = "other"


class Stamp(StrEnum):
    """The record's own timestamp, in which the client has the say."""

    NOW = "now"
    FIRST = "the first of all"
    AHEAD = "half an hour ahead"


class Repeat(StrEnum):
    """What is sent right behind it under the same ce_id."""

    NONE = "none"
    COPY = "copy"
    OTHER_BODY = "other body"
    OTHER_SOURCE = "other source"


@dataclass(frozen=True)
class Draw:
    """One record, and perhaps its repetition. `value`, `attribute` and `extras` are names in the tables beside."""

    domain: Domain = Domain.PURCHASES
    partition: int = 0
    client: Client = Client.LIBRDKAFKA
    codec: Codec = Codec.NONE
    state: State = State.NONE
    size: Size = Size.TINY
    padding: Padding = Padding.SPACE
    key: Key = Key.RIGHT
    stamp: Stamp = Stamp.NOW
    value: str = "valid"
    attribute: str = "plain"
    extras: tuple[str, ...] = ()
    repeat: Repeat = Repeat.NONE

    def __str__(self) -> str:
        """Where it goes, and each part that is not plain."""
        plain = Draw()
        odd = [
            f"{field.name}={getattr(self, field.name)}"
            for field in fields(self)
            if field.name not in ("domain", "partition") and getattr(self, field.name) != getattr(plain, field.name)
        ]
        return f"{self.domain.topic}/{self.partition} {' '.join(odd) or 'plain'}"


def mostly(plain: T, others: Sequence[T]) -> st.SearchStrategy[T]:
    """Plain every other time, so that a draw has a few odd parts and not all of them."""
    return st.one_of(st.just(plain), st.sampled_from(others))


def draws() -> st.SearchStrategy[Draw]:
    """Any draw."""
    return st.builds(
        Draw,
        domain=st.sampled_from(Domain),
        partition=st.integers(0, PARTITIONS - 1),
        client=st.sampled_from(Client),
        codec=st.sampled_from(Codec),
        state=mostly(State.NONE, list(State)),
        size=mostly(Size.TINY, list(Size)),
        padding=st.sampled_from(Padding),
        key=mostly(Key.RIGHT, list(Key)),
        stamp=mostly(Stamp.NOW, list(Stamp)),
        value=mostly("valid", list(VALUES)),
        attribute=mostly("plain", list(ATTRIBUTES)),
        extras=st.lists(st.sampled_from(list(EXTRAS)), max_size=2, unique=True).map(tuple),
        repeat=mostly(Repeat.NONE, list(Repeat)),
    )


def one_of_each() -> Iterator[Draw]:
    """Each kind of each part once, alone in an otherwise plain record; domains, partitions and clients take turns."""
    odd: list[dict[str, Any]] = [
        *({"state": state, "codec": codec} for codec in Codec for state in State),
        *({"size": size, "padding": padding, "codec": codec}
          for size, codec in ((Size.LIMIT, Codec.NONE), (Size.MB_3, Codec.GZIP), (Size.MB_3, Codec.ZSTD))
          for padding in Padding),
        *({"size": size} for size in (Size.KB, Size.KB_100)),
        *({"key": key} for key in Key if key is not Key.RIGHT),
        *({"stamp": stamp} for stamp in Stamp if stamp is not Stamp.NOW),
        *({"value": value} for value in VALUES if value != "valid"),
        *({"attribute": name} for name in ATTRIBUTES if name != "plain"),
        *({"extras": (name,)} for name in EXTRAS),
        *({"repeat": repeat, "domain": domain} for repeat in Repeat if repeat is not Repeat.NONE for domain in Domain),
    ]  # fmt: skip
    for number, parts in enumerate(odd):
        turn = Draw(list(Domain)[number % 4], number * 5 % PARTITIONS, list(Client)[number // 4 % 2])
        yield replace(turn, **parts)
