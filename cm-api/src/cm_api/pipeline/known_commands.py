"""POST /v1/commands: which commands are stored already, by their ids. cm-server asks it for those that came under an
Idempotency-Key, so that a key that was used for another command is refused at once."""

from __future__ import annotations

from flask import Blueprint, Response, request

from cm_api.contract import Store
from cm_api.http.context import Context
from cm_api.registry import read_model
from shop_core.errors import FieldFault, InvalidInput
from shop_core.events import DOMAINS, PEOPLE, PERSONAL
from shop_core.events.reading import decode_json
from shop_core.http.app import json_answer
from shop_core.mongo.erasures import Erasures
from shop_core.mongo.errors import translate_errors
from shop_core.mongo.rejections import Rejections
from shop_core.responses.commands import MOST_ASKED, Earlier, EarlierAsked

BYTES_ASKED = 128


def blueprint(context: Context) -> Blueprint:
    routes = Blueprint("commands", __name__)
    rejections = Rejections(context.db)

    @routes.post("/v1/commands")
    def earlier() -> Response:
        request.max_content_length = MOST_ASKED * BYTES_ASKED
        asked = decode_json(request.get_data(cache=False), EarlierAsked)
        if asked.domain not in (*DOMAINS, PEOPLE.name):
            raise InvalidInput(FieldFault("domain", f"must be one of {', '.join(DOMAINS)}, {PEOPLE.name}"))
        with translate_errors():
            digests = store_of(context, asked.domain).applied(asked.ids)
        refused = [receipt for receipt in asked.receipts if rejections.find(receipt)]
        return json_answer(Earlier(digests, refused), headers={"Cache-Control": "no-store"})

    return routes


def store_of(context: Context, domain: str) -> Store:
    """The domain's store, of the live generation where it has generations; of erasures, what the first domain knows."""
    if domain == PEOPLE.name:
        return Erasures(context.db, PERSONAL[0].name)
    store: Store = read_model(domain).query_store(context)
    return store
