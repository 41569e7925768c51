"""The kinds of values: each makes the bytes of a record from the plain data of its domain's event."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shop_arrivals.verdicts import Verdict

Data = dict[str, Any]
# The field of each domain's event that a person wrote, and the one that is a moment; the catalog's has none.
NAME = {"purchases": "username", "catalog": "name", "campaigns": "name", "analytics": "user"}
MOMENT = {"purchases": "timestamp", "campaigns": "endDate", "analytics": "timestamp"}


@dataclass(frozen=True)
class Value:
    """`make` gets the domain's name and its plain data. `but` are the domains where it is judged otherwise."""

    make: Callable[[str, Data], bytes | None]
    verdict: Verdict = Verdict.REFUSED
    but: Mapping[str, Verdict] | None = None

    def verdict_in(self, domain: str) -> Verdict:
        return (self.but or {}).get(domain, self.verdict)


def plain(data: Data) -> bytes:
    return json.dumps(data).encode()


def as_name(text: str) -> Callable[[str, Data], bytes]:
    """The name is the JSON `text`, which `json` itself may not write."""
    return lambda domain, data: plain(data | {NAME[domain]: "?"}).replace(b'"?"', text.encode("utf-8", "surrogatepass"))


def more(**fields: Any) -> Callable[[str, Data], bytes]:
    return lambda domain, data: plain(data | fields)


def moment(*, analytics: Any, iso: str) -> Callable[[str, Data], bytes]:
    """The moment in the words of each domain, where it has one."""

    def make(domain: str, data: Data) -> bytes:
        if domain not in MOMENT:
            return plain(data)
        return plain(data | {MOMENT[domain]: analytics if domain == "analytics" else iso})

    return make


NO_MOMENT = {"catalog": Verdict.TAKEN}
# A campaign may lie as far ahead as it likes, and says with its zone when it ends.
VALUES: dict[str, Value] = {
    "valid": Value(lambda domain, data: plain(data), Verdict.TAKEN),
    "null": Value(lambda domain, data: None),
    "empty": Value(lambda domain, data: b""),
    "white space": Value(lambda domain, data: b" \r\n\t"),
    "indented": Value(lambda domain, data: json.dumps(data, indent=4).encode(), Verdict.TAKEN),
    "escaped": Value(
        lambda domain, data: plain(data).replace(b'"' + NAME[domain].encode(), b'"\\u%04x' % ord(NAME[domain][0])
                                                 + NAME[domain][1:].encode()), Verdict.TAKEN),
    "half": Value(lambda domain, data: plain(data)[:-3]),
    "two documents": Value(lambda domain, data: plain(data) * 2),
    "trailing comma": Value(lambda domain, data: plain(data)[:-1] + b",}"),
    "single quotes": Value(lambda domain, data: plain(data).replace(b'"', b"'")),
    "byte order mark": Value(lambda domain, data: b"\xef\xbb\xbf" + plain(data), Verdict.EITHER),
    "bad UTF-8": Value(lambda domain, data: plain(data)[:-2] + b"\xff\xfe" + plain(data)[-2:]),
    "overlong UTF-8": Value(lambda domain, data: plain(data)[:-2] + b"\xc0\xaf" + plain(data)[-2:]),
    "CESU-8": Value(as_name('"\ud83d\ude00"')),
    "UTF-16": Value(lambda domain, data: json.dumps(data).encode("utf-16")),
    "latin-1": Value(lambda domain, data: plain(data | {NAME[domain]: "?"}).replace(b"?", b"J\xf6rg")),
    "random bytes": Value(lambda domain, data: bytes(range(256)) * 3),
    "Avro's magic": Value(lambda domain, data: b"\x00\x00\x00\x00\x07" + plain(data)),
    "gzip inside": Value(lambda domain, data: b"\x1f\x8b\x08\x00" + plain(data)),
    "array": Value(lambda domain, data: b"[1, 2]"),
    "list of itself": Value(lambda domain, data: b"[" + plain(data) + b"]"),
    "string": Value(lambda domain, data: json.dumps(json.dumps(data)).encode()),
    "JSON null": Value(lambda domain, data: b"null"),
    "number": Value(lambda domain, data: b"42"),
    "empty object": Value(lambda domain, data: b"{}"),
    "name null": Value(as_name("null")),
    "name a number": Value(as_name("7")),
    "name an object": Value(as_name('{"$gt": ""}')),
    "name true": Value(as_name("true")),
    "name empty": Value(as_name('""')),
    "name too long": Value(as_name('"' + "n" * 201 + '"')),
    "name with NUL": Value(as_name('"a\\u0000b"')),
    "name with an escape": Value(as_name('"a\\u001b[2Jb"')),
    "name a lone surrogate": Value(as_name('"\\ud800"')),
    "name half a pair": Value(as_name('"a\\udc00\\ud83d"')),
    "NaN": Value(as_name("NaN")),
    "Infinity": Value(as_name("-Infinity")),
    "1e400": Value(as_name("1e400")),
    "big integer": Value(as_name("9" * 5000)),
    "deep nesting": Value(lambda domain, data: as_name("[" * 50_000)(domain, data)),
    "deep and closed": Value(as_name('{"a":' * 20_000 + "1" + "}" * 20_000)),
    "unknown field": Value(more(colour="red")),
    "$ field": Value(more(**{"$where": "sleep(9)"})),
    "dotted field": Value(more(**{"a.b": 1})),
    "empty field name": Value(more(**{"": 1})),
    "_id field": Value(more(_id={"$ne": 1})),
    "40,000 fields": Value(lambda domain, data: plain(data | {f"f{n}": n for n in range(40_000)})),
    "field twice": Value(lambda domain, data: plain(data)[:-1] + b", " + plain(data)[1:], Verdict.EITHER),
    "field missing": Value(lambda domain, data: plain({k: v for k, v in data.items() if k != NAME[domain]})),
    "far ahead": Value(moment(analytics=32_472_144_000_000, iso="2999-01-01T00:00:00Z"), but={
        "campaigns": Verdict.TAKEN, **NO_MOMENT}),
    "beyond all time": Value(moment(analytics=10**15, iso="9999-12-31T23:59:59-14:00"), but=NO_MOMENT),
    "before all time": Value(moment(analytics=-1, iso="0001-01-01T00:00:00+14:00"), but=NO_MOMENT),
    "seconds": Value(moment(analytics=1_795_690_161, iso="1795690161"), but=NO_MOMENT),
    "no moment": Value(moment(analytics="yesterday", iso="yesterday"), but=NO_MOMENT),
    "half a millisecond": Value(moment(analytics=1_795_690_161_000.5, iso=""), but=NO_MOMENT),
    "64 bits": Value(moment(analytics=2**64, iso="2026-02-30T00:00:00Z"), but=NO_MOMENT),
    "moment without a zone": Value(moment(analytics=True, iso="2026-02-03T04:05:06"), but={
        "purchases": Verdict.EITHER, **NO_MOMENT}),
}  # fmt: skip
