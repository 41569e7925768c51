"""What cm-server asks cm-api of many commands at once: those that came before under Idempotency-Keys, and those that
somebody waits for. Both services are inside."""

from __future__ import annotations

from typing import Annotated

import msgspec

from shop_core.events.reading import Checked

MOST_ASKED = 1000
Few = msgspec.Meta(max_length=MOST_ASKED)


class EarlierAsked(Checked, frozen=True, forbid_unknown_fields=True):
    """Ids of events of a domain, and receipts of those that may have been refused."""

    domain: str
    ids: Annotated[list[str], Few]
    receipts: Annotated[tuple[str, ...], Few] = ()


class Earlier(msgspec.Struct):
    """The digest of each id that is stored, and which of the receipts were refused."""

    digests: dict[str, str]
    refused: list[str]


class StatesAsked(Checked, frozen=True, forbid_unknown_fields=True):
    """Receipts that somebody listens to."""

    receipts: Annotated[list[str], Few]
