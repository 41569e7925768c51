"""A user's privacy rights: to export everything that is stored about them, and to be erased."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from flask import Blueprint, Response

from cm_server.commands import command, identity
from cm_server.commands.identity import Identity
from cm_server.commands.tracing import traced
from cm_server.context import PREFIX, Context
from cm_server.idempotency_keys import KeyUsed
from cm_server.operations import AFTER, COMMAND_PROBLEMS, CURSOR, KEY, NOT_MODIFIED, WAIT, Operation, path_segment
from cm_server.query_proxy.client import segment
from cm_server.security.authentication import caller
from cm_server.security.permissions import Access, reads_own
from shop_core.auth import PURCHASES_WRITE
from shop_core.events import PEOPLE, PERSONAL
from shop_core.events.envelope import Domain, copies, digest_of, encode
from shop_core.events.people import USER_ERASED, UserErased
from shop_core.events.receipts import Receipt
from shop_core.http.app import in_path, json_answer
from shop_core.kafka.partitions import partition_of
from shop_core.responses.people import Erased, Export

log = logging.getLogger(__name__)
USERID = path_segment("userid", "The user's id")

OPERATIONS = (
    Operation(
        "eraseUser", "delete", "/v1/users/{userid}",
        "Erase a user from every read model; 200 when it was waited for and is done",
        {202: Erased, 200: Erased}, COMMAND_PROBLEMS, (USERID, KEY, WAIT), headers={202: ("Location",)},
        access=Access(PURCHASES_WRITE, owner_param="userid"),
        about="`receipts` has one a domain, `pending` those that are not applied yet.",
    ),
    Operation(
        "exportUser", "get", "/v1/users/{userid}/export", "Everything that is kept of a user", {200: Export, 304: None},
        (400, 412, 503), (USERID, CURSOR, AFTER), headers=NOT_MODIFIED, access=reads_own("userid"),
        about="Page by page: send `next` as `cursor` until it is null.",
    ),
)  # fmt: skip


def blueprint(context: Context) -> Blueprint:
    """The routes, below the prefix."""
    routes = Blueprint("people", __name__, url_prefix=PREFIX)
    routes.register_error_handler(command.Rejected, command.rejected)

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
    wait = command.preferred_wait()
    known = identity.identify(identity.sent_key(), "people", userid)
    data = UserErased(userid, "self" if caller().subject == userid else caller().id)
    receipts = publish(context, known, data)
    own = {domain.name: own_receipt(userid, domain, receipts) for domain in PERSONAL}
    # Who else asked may be a person as well: the record of the erasure has the name, the log has not.
    by = "self" if data.by == "self" else "other"
    log.info("user_erasure_published", extra={"event_id": known.id, "by": by, "receipts": list(own.values())})
    deadline = time.monotonic() + wait
    results = [command.await_result(context, known.id, each, deadline - time.monotonic()) for each in receipts]
    pending = [result for result in results if result.state != "stored"]
    state = pending[0].state if pending else "stored"
    answer = Erased(known.id, state, own, [done.receipt for done in pending])
    return json_answer(answer, 202 if pending else 200, {"Location": pending[0].location} if pending else {})


def publish(context: Context, known: Identity, data: UserErased) -> list[str]:
    """The receipts of the copies, one in every partition of each domain's topic, all acked.

    Where one is not, others may be in the log: whoever sends it again makes it whole. A partition that is added from
    now on holds nothing that was said before.
    """
    digests = {known.id: digest_of(b"erase\n" + data.userid.encode())} if known.by_key else {}
    if digests and context.used_keys.others(PEOPLE, digests):
        raise KeyUsed(known.id)
    now, receipts = context.now(), []
    try:
        partitions = context.publisher.partitions([domain.topic for domain in PERSONAL])
        records = [
            encode(d, USER_ERASED, data, key=data.userid, id=known.id, time=now, digest=digests.get(known.id))
            for d in PERSONAL
        ]
        every = [copy for record in records for copy in copies(record, partitions[record.topic])]
        receipts = context.publisher.publish(traced(every))
    finally:
        context.used_keys.sent(PEOPLE, digests, {id: receipts[0] for id in digests if receipts})
        context.used_keys.not_sent(PEOPLE, {} if receipts else digests)
    return receipts


def own_receipt(userid: str, domain: Domain, receipts: Sequence[str]) -> str:
    """Of one topic's receipts, that in the partition of the user's own events."""
    here = [receipt for receipt in receipts if Receipt.of(receipt).topic == domain.topic]
    return here[partition_of(userid, len(here))]
