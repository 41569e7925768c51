"""Answers in br or gzip for clients that ask for it. Weak ETags then: the same state in another form."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import brotli
from flask import Response, request

from shop_core.http.problems import problem
from shop_runtime import content_coding
from shop_runtime.content_coding import WORTH_BYTES, qualities

# A middle level: most of the gain at a tenth of the time that the highest one takes.
_PACK: dict[str, Callable[[bytes], bytes]] = {"br": partial(brotli.compress, quality=4), "gzip": content_coding.packed}
IDENTITY = "identity"


def packed(answer: Response) -> Response:
    """`answer`, compressed in place when it is worth it and the client takes it; 406 where it takes no form of it."""
    answer.vary.add("Accept-Encoding")
    if answer.status_code != 200:
        return answer
    worth = (answer.content_length or 0) >= WORTH_BYTES
    coding = chosen(request.headers.get("Accept-Encoding"), worth)
    if coding is None:
        return not_acceptable()
    if coding == IDENTITY:
        return answer
    answer.set_data(_PACK[coding](answer.get_data()))
    answer.headers["Content-Encoding"] = coding
    tag, _ = answer.get_etag()
    if tag:
        answer.set_etag(tag, weak=True)
    return answer


def not_acceptable() -> Response:
    return problem(406, "The answer is sent in br, gzip or as it is.", headers={"Vary": "Accept-Encoding"})


def chosen(field: str | None, worth: bool) -> str | None:
    """The coding that an Accept-Encoding field (RFC 9110 §12.5.3) leads to, None where it rules out every one.

    The highest quality wins, br before gzip; what the field does not name is sent as it is rather than packed. So is
    what is not worth packing, unless the client takes no other form.
    """
    asked = qualities(field or "")
    rest = asked.get("*", 0.0)
    packs = {name: asked.get(name, rest) for name in _PACK}
    best = max(packs, key=lambda name: packs[name])
    plain = asked.get(IDENTITY, asked.get("*"))
    if plain == 0.0:
        return best if packs[best] > 0 else None
    return best if worth and packs[best] > 0 and packs[best] >= asked.get(IDENTITY, 0.0) else IDENTITY
