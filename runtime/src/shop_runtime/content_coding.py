"""Which codings a client takes (RFC 9110 §12.5.3), and gzip for what every process tells: its metrics."""

from __future__ import annotations

import gzip
import re

WORTH_BYTES = 1024  # a smaller answer travels in one packet anyway
LEVEL = 5  # most of the gain at a tenth of the time that the highest takes
_QUALITY = re.compile(r"[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def qualities(field: str) -> dict[str, float]:
    """Each coding that the field names, with its quality; a member that breaks the grammar is left out."""
    found: dict[str, float] = {}
    for member in field.split(","):
        name, _, weight = (part.strip(" \t") for part in member.partition(";"))
        quality = _QUALITY.fullmatch(weight)
        if name and (quality or not weight):
            name = name.lower()
            found.setdefault("gzip" if name == "x-gzip" else name, float(quality[1]) if quality else 1.0)
    return found


def takes_gzip(field: str) -> bool:
    """Whether gzip is named, and wanted at least as much as the text as it is."""
    asked = qualities(field)
    return asked.get("gzip", 0.0) > 0 and asked["gzip"] >= asked.get("identity", 0.0)


def packed(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=LEVEL, mtime=0)
