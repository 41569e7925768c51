"""Texts that stay the same while the process lives: packed once at the start, and revalidated by their ETag."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import brotli
from flask import Response, request

from cm_server.compression import IDENTITY, chosen, not_acceptable
from shop_runtime.content_coding import WORTH_BYTES

# Ask every time, answer 304: an upgrade shows at once.
REVALIDATED = "no-cache"


@dataclass(frozen=True)
class Prepared:
    """One text in each of its codings. The ETags are weak: the same state in several forms."""

    forms: Mapping[str, bytes]
    content_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, content_type: str) -> Prepared:
        forms = {IDENTITY: body}
        if len(body) >= WORTH_BYTES:
            # High levels: this is done once, and each visitor gains.
            forms |= {"br": brotli.compress(body, quality=9), "gzip": gzip.compress(body, compresslevel=9, mtime=0)}
        return cls(forms, content_type, hashlib.sha256(body).hexdigest()[:20])

    def answer(self, headers: Mapping[str, str], status: int = 200) -> Response:
        """The answer to the request in hand, in the form that it accepts; 304 where it has that text already."""
        coding = chosen(request.headers.get("Accept-Encoding"), len(self.forms) > 1)
        if coding is None:
            return not_acceptable()
        answer = Response(self.forms.get(coding, self.forms[IDENTITY]), status, headers, content_type=self.content_type)
        answer.vary.add("Accept-Encoding")
        answer.set_etag(self.etag, weak=True)
        if coding in self.forms and coding != IDENTITY:
            answer.headers["Content-Encoding"] = coding
        if status == 200:
            answer.make_conditional(request)  # turns into a 304 in place
        return answer
