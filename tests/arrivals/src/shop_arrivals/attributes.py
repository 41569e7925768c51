"""The kinds of headers: what may be wrong with the CloudEvents attributes, and what else a client may add to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shop_arrivals.verdicts import Verdict

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Attributes:
    """`change` gets the plain headers and gives those that are sent."""

    change: Callable[[Headers], Headers]
    verdict: Verdict = Verdict.REFUSED


def without(*names: str) -> Callable[[Headers], Headers]:
    return lambda headers: [(name, value) for name, value in headers if name not in names]


def with_(name: str, value: bytes | None) -> Callable[[Headers], Headers]:
    """The attribute has this value."""
    return lambda headers: [(known, value if known == name else old) for known, old in headers]


def added(*headers: tuple[str, bytes | None]) -> Callable[[Headers], Headers]:
    return lambda known: [*known, *headers]


def twice(name: str, value: bytes) -> Callable[[Headers], Headers]:
    return lambda headers: [(name, value), *headers]


def renamed(change: Callable[[str], str]) -> Callable[[Headers], Headers]:
    return lambda headers: [(change(name), value) for name, value in headers]


T, R, E = Verdict.TAKEN, Verdict.REFUSED, Verdict.EITHER
ATTRIBUTES: dict[str, Attributes] = {
    "plain": Attributes(lambda headers: headers, T),
    "no headers": Attributes(lambda headers: []),
    "no id": Attributes(without("ce_id")),
    "no type": Attributes(without("ce_type")),
    "no version": Attributes(without("ce_specversion")),
    "no source": Attributes(without("ce_source"), E),
    "no time": Attributes(without("ce_time"), E),
    "no content type": Attributes(without("content-type"), T),
    "id null": Attributes(with_("ce_id", None)),
    "type null": Attributes(with_("ce_type", None)),
    "version null": Attributes(with_("ce_specversion", None)),
    "source null": Attributes(with_("ce_source", None), E),
    "time null": Attributes(with_("ce_time", None), E),
    "id empty": Attributes(with_("ce_id", b"")),
    "source empty": Attributes(with_("ce_source", b""), E),
    "time empty": Attributes(with_("ce_time", b""), E),
    "id too long": Attributes(with_("ce_id", b"i" * 5000)),
    "id a megabyte": Attributes(with_("ce_id", b"i" * 900_000)),
    "id with NUL": Attributes(with_("ce_id", b"a\x00b")),
    "id not UTF-8": Attributes(with_("ce_id", b"\xff\xfe")),
    "type not UTF-8": Attributes(with_("ce_type", b"\xff")),
    "source not UTF-8": Attributes(with_("ce_source", b"\xff"), E),
    "time not UTF-8": Attributes(with_("ce_time", b"\xff"), E),
    "source long": Attributes(with_("ce_source", b"/s" * 5000), E),
    "source no URI": Attributes(with_("ce_source", b"a b{c}"), E),
    "type of another version": Attributes(with_("ce_type", b"shop.purchase.made.v9")),
    "type of nobody": Attributes(with_("ce_type", b"$where")),
    "type of the ratings": Attributes(with_("ce_type", b"shop.rating.changed.v1")),
    "type long": Attributes(with_("ce_type", b"t" * 100_000)),
    "version 2.0": Attributes(with_("ce_specversion", b"2.0")),
    "version 0.3": Attributes(with_("ce_specversion", b"0.3")),
    "upper case": Attributes(renamed(str.upper), E),
    "dashes": Attributes(renamed(lambda name: name.replace("_", "-")), R),
    "id twice": Attributes(twice("ce_id", b"another"), E),
    "type twice": Attributes(twice("ce_type", b"shop.other.v1"), E),
    "time no time": Attributes(with_("ce_time", b"yesterday")),
    "time in lower case": Attributes(with_("ce_time", b"2026-11-21t09:30:00z"), T),
    "time with an offset": Attributes(with_("ce_time", b"2026-11-21T09:30:00.204+05:30"), T),
    "time in nanoseconds": Attributes(with_("ce_time", b"2026-11-21T09:30:00.123456789Z"), T),
    "time without a zone": Attributes(with_("ce_time", b"2026-11-21T09:30:00"), E),
    "time as a week date": Attributes(with_("ce_time", b"2026-W47-6T09:30:00Z"), E),
    "time offset by seconds": Attributes(with_("ce_time", b"2026-11-21T09:30:00+05:30:15"), E),
    "time a leap second": Attributes(with_("ce_time", b"2016-12-31T23:59:60Z"), E),
    "time in milliseconds": Attributes(with_("ce_time", b"1795690161000"), E),
    "time far ahead": Attributes(with_("ce_time", b"2999-01-01T00:00:00Z"), E),
    "time beyond all time": Attributes(with_("ce_time", b"9999-12-31T23:59:59-14:00"), E),
    "time before all time": Attributes(with_("ce_time", b"0001-01-01T00:00:00+14:00"), E),
    "time in other digits": Attributes(with_("ce_time", "٢٠٢٦-11-21T09:30:00Z".encode()), E),
    "structured mode": Attributes(with_("content-type", b"application/cloudevents+json; charset=UTF-8"), E),
    "another content type": Attributes(with_("content-type", b"application/avro"), E),
}
EXTRAS: dict[str, Attributes] = {
    "null": Attributes(added(("x-trace", None)), T),
    "empty": Attributes(added(("x-trace", b"")), T),
    "twice": Attributes(added(("x-trace", b"1"), ("x-trace", None), ("x-trace", b"2")), T),
    "upper": Attributes(added(("X-TRACE", b"1"), ("x-trace", b"1")), T),
    "not UTF-8": Attributes(added(("x-trace", b"\xff\x00\xfe")), T),
    "hundred": Attributes(added(*((f"x-{number}", b"v" * 20) for number in range(100))), T),
    "5,000 nulls": Attributes(added(*((f"x-{number}", None) for number in range(5000))), T),
    "long": Attributes(added(("x-long", b"l" * 65_536)), T),
    "long name": Attributes(added(("n" * 30_000, b"1")), T),
    "empty name": Attributes(added(("", b"1")), T),
    "name beyond ASCII": Attributes(added(("x-größe\n😀", b"1")), T),
    "traceparent": Attributes(added(("traceparent", b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01")), T),
    "extension": Attributes(added(("ce_traceparent", b"00-ab")), T),
    "extension null": Attributes(added(("ce_tenant", None)), T),
    "extension not UTF-8": Attributes(added(("ce_tenant", b"\xff")), E),
    "a dead letter's": Attributes(added(("dlq_topic", b"shop.catalog"), ("dlq_partition", b"x"), ("dlq_offset", None),
                                        ("dlq_reason", b"\xff")), T),
    "redriven": Attributes(added(("ce_redriven", b"1")), T),
    "digest null": Attributes(added(("ce_digest", None)), E),
    "digest long": Attributes(added(("ce_digest", b"d" * 100_000)), E),
}  # fmt: skip
