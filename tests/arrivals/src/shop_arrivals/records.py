"""From a draw to the bytes of its records, and what is to become of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shop_arrivals.attributes import ATTRIBUTES, EXTRAS, Headers
from shop_arrivals.draws import Codec, Domain, Draw, Key, Padding, Repeat, Size, Stamp
from shop_arrivals.values import NAME, VALUES, Data
from shop_arrivals.verdicts import Verdict, together

# The broker's default for a batch is 1,048,588 bytes; the rest is for the batch's own fields and the headers.
BYTES = {Size.TINY: 0, Size.KB: 1024, Size.KB_100: 102_400, Size.LIMIT: 1_046_000, Size.MB_3: 3_000_000}
CREATED = {
    Domain.PURCHASES: "shop.purchase.made.v1",
    Domain.CATALOG: "shop.product.created.v1",
    Domain.CAMPAIGNS: "shop.campaign.created.v1",
    Domain.ANALYTICS: "shop.interaction.recorded.v1",
}
SOURCE = "/arrivals/1"


@dataclass(frozen=True)
class Foreign:
    """One record of a draw. `marker` is the name by which its effect is found, `number` that of its acknowledgement."""

    number: int
    draw: Draw
    marker: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    verdict: Verdict

    @property
    def timestamp(self) -> int | None:
        """In milliseconds; None leaves it to the client."""
        ahead = int((datetime.now(UTC) + timedelta(minutes=30)).timestamp() * 1000)
        return {Stamp.NOW: None, Stamp.FIRST: 1, Stamp.AHEAD: ahead}[self.draw.stamp]

    def with_headers(self, *more: tuple[str, bytes | None]) -> Foreign:
        return replace(self, headers=(*self.headers, *more))


def records_of(draw: Draw, first: int, run: str) -> Iterator[Foreign]:
    """The record, numbered `first`, and behind it its repetition."""
    marker = f"{run}-{first}"
    yield made(draw, first, marker, marker, SOURCE)
    if draw.repeat is Repeat.COPY:
        yield made(draw, first + 1, marker, marker, SOURCE)
    elif draw.repeat is Repeat.OTHER_BODY:
        yield made(draw, first + 1, f"{run}-{first + 1}", marker, SOURCE)
    elif draw.repeat is Repeat.OTHER_SOURCE:
        yield made(draw, first + 1, f"{run}-{first + 1}", marker, "/arrivals/2")


def made(draw: Draw, number: int, marker: str, id: str, source: str) -> Foreign:
    """The record of `draw` that is known by `marker` and says that it is event `id` of `source`."""
    value, attributes = VALUES[draw.value], ATTRIBUTES[draw.attribute]
    body = value.make(draw.domain, data_of(draw.domain, marker))
    headers = attributes.change(headers_of(draw.domain, id, source))
    if draw.domain is Domain.ANALYTICS and draw.repeat is not Repeat.NONE:
        # Only such interactions are remembered by their ids: those that may be in the log twice.
        headers = [*headers, ("ce_digest", marker.encode())]
    for name in draw.extras:
        headers = EXTRAS[name].change(headers)
    key, grown, headers = padded(draw, key_of(draw, marker), body, headers)
    extras = (EXTRAS[name].verdict for name in draw.extras)
    own = (_of_padding(draw, body, grown), _of_stamp(draw))
    verdict = together((value.verdict_in(draw.domain), attributes.verdict, *extras, *own))
    return Foreign(number, draw, marker, key, grown, tuple(headers), verdict)


def data_of(domain: Domain, marker: str) -> Data:
    """The plain data of an event that creates something called `marker`."""
    now = datetime.now(UTC)
    day = now - timedelta(hours=1)
    fields: dict[Domain, dict[str, Any]] = {
        Domain.PURCHASES: {"username": marker, "userid": marker, "price": "2.50", "timestamp": day.isoformat()},
        Domain.CATALOG: {"productid": marker, "name": marker, "price": "2.50"},
        Domain.CAMPAIGNS: {"campaignid": marker, "name": marker, "startDate": day.isoformat(),
                           "endDate": now.isoformat()},
        Domain.ANALYTICS: {"user": marker, "kind": "click", "timestamp": int(day.timestamp() * 1000)},
    }  # fmt: skip
    return fields[domain]


def headers_of(domain: Domain, id: str, source: str = SOURCE) -> Headers:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return [
        ("ce_id", id.encode()),
        ("ce_type", CREATED[domain].encode()),
        ("ce_source", source.encode()),
        ("ce_specversion", b"1.0"),
        ("ce_time", now.encode()),
        ("content-type", b"application/json"),
    ]


def key_of(draw: Draw, marker: str) -> bytes | None:
    keys = {Key.RIGHT: marker.encode(), Key.NULL: None, Key.EMPTY: b"", Key.BINARY: b"\xff\x00\xfe$"}
    return keys.get(draw.key, b"somebody else")


def padded(
    draw: Draw, key: bytes | None, body: bytes | None, headers: Headers
) -> tuple[bytes | None, bytes | None, Headers]:
    """The parts, grown to the draw's size. Three megabytes go through the broker only when a codec packs them."""
    size = Size.LIMIT if draw.size is Size.MB_3 and draw.codec is Codec.NONE else draw.size
    used = (
        len(key or b"") + len(body or b"") + sum(len(name.encode()) + len(value or b"") + 8 for name, value in headers)
    )
    missing = BYTES[size] - used
    if missing <= 0:
        return key, body, headers
    if draw.padding is Padding.KEY and key is not None:
        return key + b"k" * missing, body, headers
    if draw.padding is Padding.HEADER or body is None:
        return key, body, [*headers, ("x-padding", b"p" * missing)]
    if draw.padding is Padding.FIELD and draw.value == "valid":
        name = NAME[draw.domain]
        return key, body.replace(f'"{name}": "'.encode(), f'"{name}": "{"n" * missing}'.encode(), 1), headers
    return key, body + b" " * missing, headers


def _of_stamp(draw: Draw) -> Verdict:
    """Held against a clock that stands at the first of all moments, every other lies ahead."""
    return Verdict.EITHER if draw.stamp is Stamp.FIRST else Verdict.TAKEN


def _of_padding(draw: Draw, body: bytes | None, grown: bytes | None) -> Verdict:
    """A name that is grown is too long for its field, unless it is by a little."""
    by = len(grown or b"") - len(body or b"")
    if draw.padding is not Padding.FIELD or draw.value != "valid" or by == 0:
        return Verdict.TAKEN
    return Verdict.REFUSED if by > 200 else Verdict.EITHER
