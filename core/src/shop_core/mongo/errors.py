"""What an error of MongoDB's driver means for the one who asked: the database is away, two transactions met, or it
answered and would answer the same again. One place, so that no caller takes one for another.

Codes by MongoDB's list of error codes (src/mongo/base/error_codes.yml); labels by its transactions specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    EncryptionError,
    OperationFailure,
    ProtocolError,
    PyMongoError,
)  # fmt: skip

from shop_core.errors import DatabaseFault, ShopError, Unavailable, WriteConflict

TRANSIENT = frozenset({
    24,  # LockTimeout
    *(26, 43, 48),  # NamespaceNotFound, CursorNotFound, NamespaceExists: made or dropped at this moment
    112,  # WriteConflict
    225,  # TransactionTooOld
    244,  # TransactionAborted
    246,  # SnapshotUnavailable
    251,  # NoSuchTransaction
    267,  # PreparedTransactionInProgress
})  # fmt: skip
AWAY = frozenset({
    *(6, 7, 89, 9001),  # HostUnreachable, HostNotFound, NetworkTimeout, SocketException
    *(91, 189, 10058, 10107, 11600, 11602, 13435, 13436),  # stepping down, shutting down, not primary, recovering
    *(13, 18, 20, 33, 263, 8000),  # not allowed, not authenticated, no transactions: a person's to mend
    *(50, 202, 262, 290, 365),  # out of time: it is too slow
    *(64, 79, 100, 91331),  # write concern not met
    *(133, 134, 150, 358),  # no host found, config of shards moved, catalog changed
    *(14031, 39, 17280001),  # out of disk space
    *(46, 107, 125, 146),  # busy, lock failed, command failed, exceeded memory
    *(211, 216, 318, 384, 461, 462),  # keys not found yet, ticket and queue limits, overloaded
})  # fmt: skip


_LINK = (ConnectionFailure, ConfigurationError, EncryptionError, ProtocolError)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn the driver's errors into `Unavailable`, `WriteConflict` (an outage of an instant) or `DatabaseFault`."""
    try:
        yield
    except (PyMongoError, BSONError, OverflowError) as error:
        raise meaning(error) from error


def meaning(error: Exception) -> ShopError:
    """Which of the three `error` is. What is not known to be passing, and was answered, is permanent."""
    if not isinstance(error, PyMongoError):  # the document can't be written as BSON: nothing was sent
        return DatabaseFault(f"the document can't be stored ({type(error).__name__})")
    said = _said(error)
    codes = codes_of(error)
    if isinstance(error, _LINK) or codes & AWAY:
        return Unavailable(f"MongoDB does not answer ({said})")
    if error.has_error_label("UnknownTransactionCommitResult"):
        return Unavailable(f"MongoDB did not say whether it committed ({said})")
    if error.has_error_label("TransientTransactionError") or codes & TRANSIENT:
        return WriteConflict(f"another transaction came first ({said})")
    return DatabaseFault(f"MongoDB refuses it ({said})")


def codes_of(error: PyMongoError) -> frozenset[int]:
    """Every code in the answer: a bulk write has one for each write that failed."""
    codes = [getattr(error, "code", None)]
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        codes += [each.get("code") for each in details.get("writeErrors", ())]
        codes += [each.get("code") for each in details.get("writeConcernErrors", ())]
    return frozenset(code for code in codes if isinstance(code, int))


def _said(error: PyMongoError) -> str:
    """The fault in words that can be logged: an answer of the server may quote the document, so only its code."""
    if isinstance(error, OperationFailure):
        return " ".join([type(error).__name__, *map(str, sorted(codes_of(error)))])
    return f"{type(error).__name__}: {str(error)[:200]}"
