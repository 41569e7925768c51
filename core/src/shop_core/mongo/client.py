"""The way to MongoDB: a connection by the settings, what it must be able to do, and one-attempt transactions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar

from bson.codec_options import CodecOptions
from pymongo import MongoClient, ReadPreference, WriteConcern
from pymongo.client_session import ClientSession as ClientSession
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
from shop_core.errors import ConfigError, WriteConflict
from shop_core.mongo.errors import translate_errors
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
