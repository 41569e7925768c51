"""Wishlists in: parse, publish, answer; and their query, passed on to cm-api."""

from __future__ import annotations

import dataclasses

import msgspec
from flask import Blueprint, Response

from cm_server.commands import command as commands
from cm_server.commands import identity
from cm_server.commands.command import Command
from cm_server.context import PREFIX, Context
from cm_server.operations import command, path_segment, query
from cm_server.query_proxy.client import pass_on, segment
from cm_server.security.permissions import reads_own, writes_own
from shop_core.events.fields import Text128
from shop_core.events.reading import Checked, decode_json
from shop_core.events.wishlists import DOMAIN, WishAdded, Wishlist
from shop_core.http.app import in_path


class WishRequest(Checked, frozen=True, forbid_unknown_fields=True):
    """A wish as a customer sends it."""

    productid: Text128


PATH = "/v1/wishlists/{userid}"
USERID = path_segment("userid", "The user's id")
OPERATIONS = (
    command(
        "addWish", "post", PATH, "Put a product on a user's list", 201, (USERID,), WishRequest, writes_own("userid")
    ),
    dataclasses.replace(
        query("getWishlist", PATH, "A user's list", Wishlist, (USERID,), ()), access=reads_own("userid")
    ),
)


def blueprint(context: Context) -> Blueprint:
    """The routes of this domain, below the prefix."""
    routes = Blueprint("wishlists", __name__, url_prefix=PREFIX)
    routes.register_error_handler(commands.Rejected, commands.rejected)

    @routes.post("/v1/wishlists/<segment:userid>")
    def add_wish(userid: str) -> Response:
        sent = decode_json(commands.body(), WishRequest)
        data = WishAdded(in_path("userid", userid), sent.productid)
        known = identity.identify(identity.sent_key(), DOMAIN.name, userid)
        location, body = f"/v1/wishlists/{segment(userid)}", msgspec.json.encode(data)
        return commands.send(context, Command(DOMAIN, data, userid, known, known.id, body, 201, location))

    pass_on(routes, context.queries, PATH)
    return routes
