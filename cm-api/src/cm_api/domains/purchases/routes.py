"""Queries over purchases: translate the request, ask the store, shape the answer."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from flask import Blueprint, Response

from cm_api.contract import Exported
from cm_api.domains.purchases.store import PurchaseStore
from cm_api.http import paging
from cm_api.http.context import Context
from cm_api.sort_keys import is_order, moment_of, order_key
from shop_core.events.instants import format_instant
from shop_core.http import query_args
from shop_core.http.app import conditional, in_path
from shop_core.http.problems import problem
from shop_core.mongo.client import Document
from shop_core.responses.purchases import Profile, Purchase

EXPORT_PURCHASES = 5000
PAGE_ARGS = ("limit", "cursor", "sort", "from", "to", "after")
SORTS = NEWEST, OLDEST = ("newest", "oldest")
_OF_OLDEST = "oldest "  # before the key in a cursor of that order, so that neither order takes the other's


def blueprint(context: Context) -> Blueprint:
    """/buyList/{username}, also named /get-all-user-buys/{username}; /v1/purchases/{id}, /v1/users/{userid}/purchases
    and /v1/users/{userid}."""
    routes = Blueprint("purchases", __name__)
    store = PurchaseStore(context.db)

    @routes.get("/buyList/<segment:username>")
    @routes.get("/get-all-user-buys/<segment:username>")
    def by_username(username: str) -> Response:
        return conditional(page(context, store, "username", username))

    @routes.get("/v1/purchases/<segment:id>")
    def purchase(id: str) -> Response:
        query_args.refuse_unknown("after")
        in_path("id", id)
        context.await_after()
        found = store.one(id, paging.owner())
        return conditional(to_purchase(found)) if found else problem(404, "There is no such purchase.")

    @routes.get("/v1/users/<segment:userid>/purchases")
    def by_userid(userid: str) -> Response:
        return conditional(page(context, store, "userid", userid))

    @routes.get("/v1/users/<segment:userid>")
    def profile(userid: str) -> Response:
        paging.read(("after",), partial(in_path, "userid", userid))
        context.await_after()
        found = context.cache.get(("profile", userid), lambda: store.profile(userid))
        return conditional(to_profile(found)) if found else problem(404, "This user has no purchases.")

    return routes


def page(context: Context, store: PurchaseStore, field: str, value: str) -> dict[str, Any]:
    """One page, newest first unless `?sort=oldest`, and the cursor of the next one, null at the end."""
    _, limit, (sort, cursor), since, until = paging.read(
        PAGE_ARGS,
        partial(in_path, field, value),
        query_args.limit_arg,
        sort_and_cursor,
        partial(query_args.instant_arg, "from"),
        partial(query_args.instant_arg, "to"),
    )
    low = None if since is None else order_key(since, "")
    high = None if until is None else order_key(until, "")
    oldest, after = sort == OLDEST, None
    if oldest:
        after = cursor
    else:
        high = min((bound for bound in (cursor, high) if bound is not None), default=None)
    context.await_after()
    owner = paging.owner()
    key = (field, value, low, high, limit, owner, oldest, after)
    found = context.cache.get(
        key, lambda: store.page(field, value, low, high, limit + 1, owner, oldest=oldest, after=after)
    )
    more = len(found) > limit
    following = (_OF_OLDEST if oldest else "") + found[limit - 1]["order"] if more else ""
    return {
        field: value,
        "purchases": [to_purchase(doc) for doc in found[:limit]],
        "next": paging.encode_cursor(following) if more else None,
    }


def sort_and_cursor() -> tuple[str, str | None]:
    """The order, and the key after which the page starts; a cursor of the other order is refused."""
    sort = query_args.choice_arg("sort", SORTS, NEWEST)
    if sort == NEWEST:
        return sort, paging.cursor_arg()
    text = paging.cursor_arg(lambda text: text.startswith(_OF_OLDEST) and is_order(text.removeprefix(_OF_OLDEST)))
    return sort, None if text is None else text.removeprefix(_OF_OLDEST)


def export(context: Context, userid: str, cursor: str | None) -> Exported:
    """What is kept of a user here; the profile comes with the first page."""
    store = PurchaseStore(context.db)
    found = store.page("userid", userid, None, cursor, EXPORT_PURCHASES + 1)
    profile = store.profile(userid) if cursor is None else None
    more = len(found) > EXPORT_PURCHASES
    purchases = [msgspec.convert(to_purchase(doc), Purchase) for doc in found[:EXPORT_PURCHASES]]
    parts: dict[str, Any] = {"purchases": purchases}
    if profile:
        parts["profile"] = msgspec.convert(to_profile(profile), Profile)
    return Exported(parts, found[EXPORT_PURCHASES - 1]["order"] if more else None)


def to_purchase(doc: Document) -> dict[str, Any]:
    product = {"productid": doc["productid"]} if "productid" in doc else {}
    return {
        "_id": doc["_id"],
        "username": doc["username"],
        "userid": doc["userid"],
        "price": str(doc["price"]),
        "timestamp": format_instant(moment_of(doc["order"])),
    } | product


def to_profile(doc: Document) -> dict[str, Any]:
    return {
        "userid": doc["_id"],
        "username": doc["username"],
        "count": doc["count"],
        "totalSpent": f"{doc['totalSpent'].to_decimal():f}",
        "firstPurchase": format_instant(moment_of(doc["first"])),
        "lastPurchase": format_instant(moment_of(doc["last"])),
    }
