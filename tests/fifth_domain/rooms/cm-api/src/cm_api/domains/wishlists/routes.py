"""Queries over wishlists: translate the request, ask the store, shape the answer."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response

from cm_api.contract import Exported
from cm_api.domains.wishlists.store import DOMAIN, WishStore
from cm_api.http import paging
from cm_api.http.context import Context
from shop_core.events.wishlists import Wishlist
from shop_core.http.app import conditional, in_path
from shop_core.mongo.generations import Generations


def blueprint(context: Context) -> Blueprint:
    """/v1/wishlists/{userid}."""
    routes = Blueprint("wishlists", __name__)

    @routes.get("/v1/wishlists/<segment:userid>")
    def wishlist(userid: str) -> Response:
        paging.read(("after",), partial(in_path, "userid", userid))
        context.await_after()
        return conditional(Wishlist(userid, wishes_of(context, userid)))

    return routes


def store_of(context: Context) -> WishStore:
    """The store of the live generation, which changes when a rebuild is swapped in."""
    current = Generations(context.db).current
    return WishStore(context.db, generation=context.cache.get(("generation", DOMAIN), lambda: current(DOMAIN)))


def wishes_of(context: Context, userid: str) -> list[str]:
    return sorted(productid for _, productid in store_of(context).of([userid]))


def export(context: Context, userid: str, cursor: str | None) -> Exported:
    """What is kept of a user here; it is one page."""
    found = wishes_of(context, userid)
    return Exported({"wishes": found} if found else {})
