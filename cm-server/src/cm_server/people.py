"""A person's rights: to be told everything that is kept of them, and to be forgotten."""

from __future__ import annotations

import logging
import time

from flask import Blueprint, Response

from cm_server import commands, identity
from cm_server.access import Access, reads_own
from cm_server.callers import caller
from cm_server.context import PREFIX, Context
from cm_server.operations import AFTER, COMMAND_PROBLEMS, CURSOR, KEY, NOT_MODIFIED, WAIT, Operation, path_segment
from cm_server.queries import segment
from shop_core.answers.people import Erased, Export
from shop_core.auth import PURCHASES_WRITE
from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain, digest_of, encode
from shop_core.events.people import USER_ERASED, UserErased
from shop_core.web import in_path, json_answer

log = logging.getLogger(__name__)
USERID = path_segment("userid", "The user's id")

OPERATIONS = (
    Operation(
        "delete", "/v1/users/{userid}", "Erase a user from every read model; 200 when it was waited for and is done",
        {202: Erased, 200: Erased}, COMMAND_PROBLEMS, (USERID, KEY, WAIT), headers={202: ("Location",)},
        access=Access(PURCHASES_WRITE, own="userid"),
    ),
    Operation(
        "get", "/v1/users/{userid}/export", "Everything that is kept of a user", {200: Export, 304: None},
        (400, 412, 503), (USERID, CURSOR, AFTER), headers=NOT_MODIFIED, access=reads_own("userid"),
    ),
)  # fmt: skip


def blueprint(context: Context) -> Blueprint:
    """The routes, below the prefix."""
    routes = Blueprint("people", __name__, url_prefix=PREFIX)
    routes.register_error_handler(commands.Rejected, commands.rejected)

    @routes.delete("/v1/users/<segment:userid>")
    def erase_user(userid: str) -> Response:
        return erased(context, userid)

    @routes.get("/v1/users/<segment:userid>/export")
    def export_user(userid: str) -> Response:
        return context.queries.forward(f"/v1/users/{segment(userid)}/export")

    return routes


def erased(context: Context, userid: str) -> Response:
    """Publish the erasure to every domain that knows persons; then wait as the caller prefers."""
    in_path("userid", userid)
    wait, now = commands.preferred_wait(), context.now()
    known = identity.identify(identity.sent_key(), "people", userid)
    id = known.id
    data = UserErased(userid, "self" if caller().subject == userid else caller().id)
    digest = digest_of(b"erase\n" + userid.encode()) if known.by_key else None
    domains = concerned()
    records = [encode(domain, USER_ERASED, data, key=userid, id=id, time=now, digest=digest) for domain in domains]
    receipts = dict(zip((domain.name for domain in domains), context.publisher.publish(records), strict=True))
    # Who else asked may be a person as well: the record of the erasure has the name, the log has not.
    by = "self" if data.by == "self" else "other"
    log.info("user_erasure_published", extra={"event_id": id, "by": by, "receipts": list(receipts.values())})
    deadline, state, location = time.monotonic() + wait, "stored", ""
    for receipt in receipts.values():
        done = commands.settle(context, id, receipt, deadline - time.monotonic())
        if done.state != "stored":
            state, location = done.state, done.location
    headers = {} if state == "stored" else {"Location": location}
    return json_answer(Erased(id, state, receipts), 200 if state == "stored" else 202, headers)


def concerned() -> list[Domain]:
    return [domain for domain in DOMAINS.values() if USER_ERASED in domain.events]
