"""The door to MongoDB: connections, one-attempt transactions, the consumers' positions and what they rejected.

A position is moved in the same transaction as the facts it stands for, by compare-and-set on the old value, so a
consumer that lost its partition can't write and the log stays the truth.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from bson.codec_options import CodecOptions
from pymongo import ASCENDING, MongoClient, ReadPreference, WriteConcern
from pymongo.client_session import ClientSession as ClientSession
from pymongo.collection import Collection
from pymongo.database import Database as Database
from pymongo.errors import CollectionInvalid, ConfigurationError, InvalidURI
from pymongo.monitoring import (
    CommandListener,
    CommandSucceededEvent,
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionPoolListener,
)
from pymongo.read_concern import ReadConcern

from shop_core.config.settings import MongoSettings
from shop_core.errors import ConfigError, Unavailable, WriteConflict
from shop_core.mongo.erasures import Erasure as Erasure
from shop_core.mongo.erasures import Erasures as Erasures
from shop_core.mongo.errors import translate_errors as translate_errors
from shop_core.mongo.event_counts import EventCounts as EventCounts
from shop_core.mongo.pieces import pieces
from shop_core.mongo.positions import Move as Move
from shop_core.mongo.positions import Position as Position
from shop_core.mongo.positions import PositionMoved as PositionMoved
from shop_core.mongo.positions import Positions as Positions
from shop_core.mongo.positions import Standstill as Standstill
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
T = TypeVar("T")
TRIES_OF_A_CONFLICT = 5
Document = dict[str, Any]
NO_TRANSACTIONS = (
    "MongoDB at {address} has no transactions because it is a standalone server: "
    "start it as a replica set (--replSet) and set MONGODB_URI to it."
)


class _PoolGauge(ConnectionPoolListener):
    """Counts connections in use; the other pool events say nothing that is asked."""

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        metrics.POOL.inc()

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        metrics.POOL.dec()

    def _ignore(self, event: Any) -> None: ...

    pool_created = pool_ready = pool_cleared = pool_closed = _ignore
    connection_created = connection_ready = connection_closed = _ignore
    connection_check_out_started = connection_check_out_failed = _ignore


class _Answers(CommandListener):
    """Tells `heard` of each command that was answered, in the thread that asked."""

    def __init__(self, heard: Callable[[], object]) -> None:
        self._heard = heard

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self._heard()

    def _ignore(self, event: Any) -> None: ...

    started = failed = _ignore


def connect(settings: MongoSettings, app: str, heard: Callable[[], object] | None = None) -> Database[Document]:
    """The shop's database: majority and journalled writes, short time limits, no I/O yet. `heard` is called after each
    command that was answered."""
    ca = settings.mongodb_ca_file
    checked: dict[str, Any] = {"tls": True, "tlsCAFile": ca} if ca else {}
    try:
        client: MongoClient[Document] = MongoClient(
            uri_of(settings),
            appname=app,
            serverSelectionTimeoutMS=3000,
            connectTimeoutMS=2000,
            socketTimeoutMS=20000,
            event_listeners=[_PoolGauge(), *([_Answers(heard)] if heard else [])],
            **checked,
        )
    except (ConfigurationError, InvalidURI, ValueError) as error:
        raise ConfigError(
            f"MONGODB_URI is not a MongoDB address ({type(error).__name__}): set it like mongodb://host:27017."
        ) from None
    return client.get_database(
        settings.mongodb_database,
        codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
        write_concern=WriteConcern("majority", j=True),
    )


def uri_of(settings: MongoSettings) -> str:
    """The URI, from its file where there is one: it holds a password and may be another one next time."""
    if not settings.mongodb_uri_file:
        return settings.mongodb_uri
    try:
        return Path(settings.mongodb_uri_file).read_text().strip()
    except OSError as error:
        raise ConfigError(f"MONGODB_URI_FILE can't be read ({error}).") from None


def require_transactions(db: Database[Document]) -> None:
    """Raise `ConfigError` for a standalone server, `Unavailable` when it doesn't answer."""
    with translate_errors():
        hello = db.client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise ConfigError(NO_TRANSACTIONS.format(address="{}:{}".format(*(db.client.address or ("?", "?")))))


def ensure_collections(db: Database[Document], names: Iterable[str]) -> None:
    """Make those of `names` that are missing: two transactions that would each make one come in each other's way."""
    with translate_errors():
        for name in sorted(set(names) - set(db.list_collection_names())):
            with suppress(CollectionInvalid):  # somebody else was faster
                db.create_collection(name)


def ping(db: Database[Document]) -> None:
    """Raise `Unavailable` unless the primary answers within the selection time."""
    with translate_errors():
        db.client.admin.command("ping")


def in_transaction(db: Database[Document], work: Callable[[ClientSession], T]) -> T:
    """Run `work` in one transaction, one attempt; the caller retries `Unavailable`, at once a `WriteConflict`.

    An unknown outcome of the commit is an `Unavailable` as well: the next attempt's compare-and-set tells what
    happened.
    """
    with translate_errors(), db.client.start_session() as session, session.start_transaction(
        read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority", j=True),
        read_preference=ReadPreference.PRIMARY,
    ):  # fmt: skip
        return work(session)


def in_transaction_again(
    db: Database[Document], work: Callable[[ClientSession], T], on_conflict: Callable[[], object] = lambda: None
) -> T:
    """`in_transaction`, again at once where another one came first, some times; `on_conflict` hears of each."""
    left = TRIES_OF_A_CONFLICT
    while True:
        try:
            return in_transaction(db, work)
        except WriteConflict:
            on_conflict()
            left -= 1
            if not left:
                raise


class Generations:
    """The collection `generations`: which build of a domain's read models is the live one, 0 for the first.

    A rebuild makes the next one beside it; a consumer reads the number in its transaction and writes its positions
    there, as the swap does, so that of the two the database lets one win. For the last few events before a swap the
    rebuild holds the consumers: it takes over where they stand, so that no number goes back.

    Numbers come again after `MOST` rebuilds, so that a role can name every collection there will be. By then whoever
    kept something of the earlier one has long forgotten it.
    """

    MOST = 9

    def __init__(self, db: Database[Document]) -> None:
        self._generations = db["generations"]

    @classmethod
    def following(cls, generation: int) -> int:
        """The number of the generation that a rebuild makes beside this one."""
        return generation % cls.MOST + 1

    @classmethod
    def names(cls, collection: str) -> list[str]:
        """Every name that `collection` may have."""
        return [cls.name(collection, generation) for generation in range(cls.MOST + 1)]

    @staticmethod
    def name(collection: str, generation: int) -> str:
        """The name of `collection` in a generation; the first has the plain one."""
        return collection if generation == 0 else f"{collection}_g{generation}"

    def current(self, domain: str, session: ClientSession | None = None) -> int:
        found = self._generations.find_one({"_id": domain}, session=session)
        return int(found["current"]) if found else 0

    def written(self, domain: str, session: ClientSession) -> int:
        """The one that a consumer's batch is for; `Unavailable` while a rebuild holds it."""
        found = self._generations.find_one({"_id": domain}, session=session) or {"current": 0}
        if (until := found.get("heldUntil")) and until > datetime.now(UTC):
            raise Unavailable("a rebuild takes over")
        return int(found["current"])

    def hold(self, domain: str, seconds: float) -> None:
        """Let no new batch in for a moment; a rebuild that dies meanwhile holds nobody up for longer."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        change = {"$set": {"heldUntil": until}, "$setOnInsert": {"current": 0}}
        with translate_errors():
            self._generations.update_one({"_id": domain}, change, upsert=True)

    def release(self, domain: str) -> None:
        with translate_errors():
            self._generations.update_one({"_id": domain}, {"$unset": {"heldUntil": ""}})

    def switch(self, session: ClientSession, domain: str, generation: int) -> None:
        self._generations.update_one(
            {"_id": domain},
            {"$set": {"current": generation, "at": datetime.now(UTC)}},
            upsert=True,
            session=session,
        )


def _insert_unknown(collection: Collection[Document], session: ClientSession, docs: Sequence[Document]) -> None:
    """Insert those of `docs` whose ids are new to the collection."""
    for piece in pieces(docs):
        found = collection.find({"_id": {"$in": [doc["_id"] for doc in piece]}}, {"_id": 1}, session=session)
        known = {doc["_id"] for doc in found}
        if fresh := [doc for doc in piece if doc["_id"] not in known]:
            collection.insert_many(fresh, session=session)


class PendingEvents:
    """The collection `outbox`: derived events that were decided in a transaction and are not yet in Kafka."""

    def __init__(self, db: Database[Document]) -> None:
        self._outbox = db["outbox"]

    def add(self, session: ClientSession, docs: Sequence[Document]) -> None:
        """Record events to send; a replay's may wait already."""
        _insert_unknown(self._outbox, session, docs)

    def pending(
        self, source: str, partitions: Iterable[int], but: Sequence[str] = (), limit: int = 500
    ) -> list[Document]:
        """The next events that `partitions` of the topic `source` gave rise to, in the order of their sources, without
        those whose ids are in `but`."""
        query = {"source": source, "partition": {"$in": list(partitions)}, "_id": {"$nin": list(but)}}
        with translate_errors():
            return list(self._outbox.find(query).sort("order", ASCENDING).limit(limit))

    def sent(self, ids: Sequence[str]) -> None:
        with translate_errors():
            self._outbox.delete_many({"_id": {"$in": list(ids)}})


class Rejections:
    """The collection `rejections`: what a consumer refused, by receipt, with its reason, source and way to the DLQ."""

    def __init__(self, db: Database[Document]) -> None:
        self._db = db
        self._rejections = db["rejections"]

    def add(self, session: ClientSession, docs: Sequence[Document]) -> None:
        """Record refusals, each still to be sent to the DLQ (`dlq: pending`); a replay's are known already."""
        _insert_unknown(self._rejections, session, docs)

    def pending(
        self, topic: str, partitions: Iterable[int], but: Sequence[str] = (), limit: int = 100
    ) -> list[Document]:
        """The refusals of `partitions` that are not in the DLQ yet, without those whose ids are in `but`."""
        query = {"topic": topic, "dlq": "pending", "partition": {"$in": list(partitions)}, "_id": {"$nin": list(but)}}
        with translate_errors():
            return list(self._rejections.find(query).limit(limit))

    def sent(self, receipts: Sequence[str]) -> None:
        """They are in the DLQ now; the raw message is kept there, not here.

        In a transaction, since an erasure's may write to the same: of two, the embedded database lets one wait for
        ever where it is none.
        """
        query, change = {"_id": {"$in": list(receipts)}}, {"$set": {"dlq": "sent"}, "$unset": {"raw": ""}}

        def work(session: ClientSession) -> None:
            self._rejections.update_many(query, change, session=session)

        in_transaction_again(self._db, work)

    def among(self, receipts: Iterable[str]) -> set[str]:
        """Those of `receipts` that were refused."""
        with translate_errors():
            return {doc["_id"] for doc in self._rejections.find({"_id": {"$in": list(receipts)}}, {"_id": 1})}

    def find(self, receipt: str) -> Document | None:
        with translate_errors():
            return self._rejections.find_one({"_id": receipt})
