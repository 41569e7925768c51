"""Purchases in: parse, publish, answer; and the purchase queries, passed on to cm-api."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import msgspec
from flask import Blueprint, Response

from cm_server.commands import batches, command, identity
from cm_server.commands.batches import BatchAnswer
from cm_server.commands.identity import Identity
from cm_server.commands.prices import SentPrice, price_of
from cm_server.context import PREFIX, Context
from cm_server.operations import (
    AFTER,
    COMMAND_PROBLEMS,
    KEY,
    NOT_MODIFIED,
    PAGE,
    WAIT,
    Operation,
    Parameter,
    path_segment,
)
from cm_server.query_proxy.client import segment
from cm_server.security.authentication import must_be_own, own_list, own_only
from cm_server.security.permissions import AUTHENTICATED, CUSTOMER, reads_own
from shop_core.events.envelope import Record, digest_of, encode
from shop_core.events.fields import PastMoment, Text128
from shop_core.events.instants import Instant
from shop_core.events.purchases import DOMAIN, PURCHASE_MADE, PurchaseMade
from shop_core.events.reading import Checked, decode_json
from shop_core.http.app import json_answer
from shop_core.responses.purchases import Profile, Purchase, PurchasesByUserid, PurchasesByUsername


class BuyRequest(Checked, frozen=True, forbid_unknown_fields=True):
    """A purchase as a customer sends it; without a timestamp it is the server's now."""

    EXAMPLE: ClassVar = {"username": "ada", "userid": "ada", "price": "1195.30"}
    username: Text128
    userid: Text128
    price: SentPrice
    timestamp: PastMoment | None = None
    productid: Text128 | None = None


class BuyAnswer(msgspec.Struct):
    """The answer of POST /buy."""

    status: str
    message: str
    id: str
    receipt: str
    state: str


class PurchaseAnswer(msgspec.Struct):
    """The answer of POST /v1/purchases."""

    id: str
    receipt: str
    state: str


ORDER = Parameter("sort", "query", "The order", {"enum": ["newest", "oldest"], "default": "newest"})
BY_NAME = Operation(
    "getAllUserBuys", "get", "/getAllUserBuys/{username}", "A user's purchases by name, newest first",
    {200: PurchasesByUsername, 304: None}, (400, 412, 503),
    (path_segment("username", "The user's name"), ORDER, *PAGE),
    headers=NOT_MODIFIED, access=AUTHENTICATED,
    about="Names are not unique: who may not read the purchases of others sees their own under this name alone.",
)  # fmt: skip
OPERATIONS = (
    Operation(
        "buy", "post", "/buy", "Buy something", {200: BuyAnswer}, COMMAND_PROBLEMS, (KEY, WAIT), BuyRequest,
        access=CUSTOMER, about="`state` in the answer says whether it is stored already.",
    ),
    Operation(
        "createPurchase", "post", "/v1/purchases", "Buy something; 201 when it was waited for and is stored",
        {202: PurchaseAnswer, 201: PurchaseAnswer}, COMMAND_PROBLEMS, (KEY, WAIT), BuyRequest,
        headers={201: ("Location",), 202: ("Location",)}, access=CUSTOMER,
        about="`Location` is where its receipt tells what becomes of it.",
    ),
    Operation(
        "createPurchases", "post", "/v1/purchases:batch",
        "Buy up to 1,000 times at once; answered by line", {202: BatchAnswer},
        (400, 413, 415, 422, 503), (KEY,), BuyRequest, ("application/json", "application/x-ndjson"),
        access=CUSTOMER, about="A line at fault is refused by its number; the others are sent.",
    ),
    Operation(
        "getPurchase", "get", "/v1/purchases/{id}",
        "One purchase; of another user's none is told", {200: Purchase, 304: None},
        (400, 404, 412, 503), (path_segment("id", "The purchase's id"), AFTER), headers=NOT_MODIFIED,
        access=AUTHENTICATED,
    ),
    BY_NAME,
    replace(
        BY_NAME, id="getAllUserBuysAlias", path="/get-all-user-buys/{username}",
        summary="The same as `/getAllUserBuys/{username}`",
    ),
    Operation(
        "getUserPurchases", "get", "/v1/users/{userid}/purchases", "A user's purchases by id, newest first",
        {200: PurchasesByUserid, 304: None}, (400, 412, 503), (path_segment("userid", "The user's id"), ORDER, *PAGE),
        headers=NOT_MODIFIED, access=reads_own("userid"),
    ),
    Operation(
        "getUserProfile", "get", "/v1/users/{userid}", "A user's profile: count, total, first and last purchase",
        {200: Profile, 304: None}, (400, 404, 412, 503), (path_segment("userid", "The user's id"), AFTER),
        headers=NOT_MODIFIED, access=reads_own("userid"), about="404 until the user's first purchase is stored.",
    ),
)  # fmt: skip


def blueprint(context: Context) -> Blueprint:
    """The routes of this domain, below the prefix."""
    routes = Blueprint("purchases", __name__, url_prefix=PREFIX)
    routes.register_error_handler(command.Rejected, command.rejected)

    @routes.post("/buy")
    def buy() -> Response:
        done = publish_one(context)
        return json_answer(BuyAnswer("Ok!", "Message successfully sent to Kafka!", done.id, done.receipt, done.state))

    @routes.post("/v1/purchases")
    def make_purchase() -> Response:
        done = publish_one(context)
        status = 201 if done.state == "stored" else 202
        return json_answer(PurchaseAnswer(done.id, done.receipt, done.state), status, {"Location": done.location})

    @routes.post("/v1/purchases:batch")
    def make_purchases() -> Response:
        return json_answer(publish_batch(context, batches.body()), 202)

    @routes.get("/v1/purchases/<segment:id>")
    def one_purchase(id: str) -> Response:
        return context.queries.forward(f"/v1/purchases/{segment(id)}", own_only())

    @routes.get("/getAllUserBuys/<segment:username>")
    @routes.get("/get-all-user-buys/<segment:username>")
    def get_all_user_buys(username: str) -> Response:
        owner = own_list(username, context.queries.username_of)
        return context.queries.forward(f"/buyList/{segment(username)}", owner)

    @routes.get("/v1/users/<segment:userid>/purchases")
    def user_purchases(userid: str) -> Response:
        return context.queries.forward(f"/v1/users/{segment(userid)}/purchases")

    @routes.get("/v1/users/<segment:userid>")
    def user_profile(userid: str) -> Response:
        return context.queries.forward(f"/v1/users/{segment(userid)}")

    return routes


def publish_one(context: Context) -> command.CommandResult:
    """Parse the request, publish its event, and wait for it as long as the caller prefers."""
    wait, key, now = command.preferred_wait(), identity.sent_key(), context.now()
    parsed = own(parse(command.body(), now))
    known = identify(context, key, parsed[0])
    record = to_record(parsed, known.id, now, known.by_key, known.digest)
    return command.publish(context, DOMAIN, record, known, wait=wait, event="purchase_published")


def publish_batch(context: Context, payload: bytes) -> BatchAnswer:
    """Every good line becomes an event; all are acked before the answer."""
    key, now = identity.sent_key(), context.now()

    def make(line: bytes, number: int) -> tuple[Record, Identity]:
        parsed = own(parse(line, now))
        known = identify(context, key, parsed[0], number)
        return to_record(parsed, known.id, now, known.by_key, known.digest), known

    return batches.publish(context, DOMAIN, payload, make)


def identify(context: Context, key: str | None, data: PurchaseMade, line: int | None = None) -> Identity:
    """What a purchase is known by: without a key, one that names its moment by user, moment and content."""
    if key is not None or data.timestamp.digits is None or not context.deduplicate:
        return identity.identify(key, DOMAIN.name, data.userid, line)
    # The same moment in another zone and the same price in other digits are the same.
    price = format(Decimal(data.price).normalize(), "f")
    said = [data.userid, data.timestamp.plain(), data.username, price, data.productid]
    return identity.by_content(DOMAIN.name, msgspec.json.encode(said))


def parse(payload: bytes, now: datetime) -> tuple[PurchaseMade, str]:
    """The event's data and the digest of what the client said (a missing timestamp stays missing in it)."""
    sent = decode_json(payload, BuyRequest, now)
    price, at = price_of(sent.price), sent.timestamp
    data = PurchaseMade(sent.username, sent.userid, price, at or Instant.of(now), sent.productid)
    said: list[Any] = [data.username, data.userid, price, at and at.plain()]
    if data.productid is not None:
        said.append(data.productid)
    return data, digest_of(msgspec.json.encode(said))


def own(parsed: tuple[PurchaseMade, str]) -> tuple[PurchaseMade, str]:
    """`parsed` itself, when the caller may buy as this user."""
    must_be_own("userid", parsed[0].userid, parsed[0].username)
    return parsed


def to_record(
    parsed: tuple[PurchaseMade, str], id: str, now: datetime, may_repeat: bool, digest: str | None = None
) -> Record:  # fmt: skip
    """The record of a purchase; its key is the userid, whose order matters. `digest` goes before the parsed one, which
    is for purchases that their clients `may_repeat`."""
    data, said = parsed
    return encode(
        DOMAIN, PURCHASE_MADE, data, key=data.userid, id=id, time=now, digest=digest or (said if may_repeat else None)
    )
