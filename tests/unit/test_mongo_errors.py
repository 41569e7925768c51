"""Away, a conflict, or refused for good: each of the driver's exceptions is one of the three."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pymongo.errors as errors
import pytest
from bson.errors import InvalidDocument

from shop_core.errors import DatabaseFault, ShopError, Unavailable, WriteConflict
from shop_core.mongo.errors import meaning, translate_errors


def labelled(error: errors.PyMongoError, *labels: str) -> errors.PyMongoError:
    for label in labels:
        error._add_error_label(label)
    return error


AWAY = [
    errors.AutoReconnect("connection closed"),
    errors.NetworkTimeout("timed out"),
    errors.ServerSelectionTimeoutError("no primary"),
    errors.NotPrimaryError("not primary"),
    errors.WaitQueueTimeoutError("pool is empty"),
    errors.ConnectionFailure("refused"),
    errors.ProtocolError("answer out of order"),
    errors.ConfigurationError("no replica set any more"),
    errors.ExecutionTimeout("too slow", 50),
    errors.WriteConcernError("majority is away", 64),
    errors.WTimeoutError("majority is slow", 64),
    errors.OperationFailure("not allowed", 13),
    errors.OperationFailure("who are you", 18),
    errors.OperationFailure("shutting down", 91),
    errors.OperationFailure("no transactions here", 20),
    errors.OperationFailure("disk is full", 14031),
    labelled(errors.AutoReconnect("in a transaction"), "TransientTransactionError"),
    labelled(errors.OperationFailure("who knows", 1), "UnknownTransactionCommitResult"),
]
CONFLICTS = [
    errors.OperationFailure("WriteConflict", 112),
    errors.WriteError("WriteConflict", 112),
    errors.OperationFailure("lock", 24),
    errors.OperationFailure("gone", 251),
    errors.CursorNotFound("gone", 43),
    labelled(errors.OperationFailure("anything", 4242), "TransientTransactionError"),
    errors.BulkWriteError({"writeErrors": [{"code": 112, "errmsg": "WriteConflict"}]}),
]
PERMANENT = [
    errors.DuplicateKeyError("E11000", 11000),
    errors.WriteError("validation", 121),
    errors.OperationFailure("BSONObjectTooLarge", 10334),
    errors.OperationFailure("a code that nobody knows", 987654),
    errors.BulkWriteError({"writeErrors": [{"code": 11000, "errmsg": "E11000"}]}),
    errors.DocumentTooLarge("16 MiB"),
    errors.InvalidName("$"),
    errors.InvalidOperation("closed"),
    errors.CollectionInvalid("there"),
    InvalidDocument("cannot encode object"),
    OverflowError("MongoDB can only handle up to 8-byte ints"),
]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *((error, Unavailable) for error in AWAY),
        *((error, WriteConflict) for error in CONFLICTS),
        *((error, DatabaseFault) for error in PERMANENT),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_each_error_means_one_thing(error: Exception, kind: type[ShopError]) -> None:
    assert type(meaning(error)) is kind
    with pytest.raises(kind) as caught, translate_errors():
        raise error
    assert caught.value.__cause__ is error


def test_no_exception_of_the_driver_is_left_out() -> None:
    """A new version of the driver that brings another one fails here, so that somebody decides."""
    every = {each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.PyMongoError)}
    tried = {type(error) for error in (*AWAY, *CONFLICTS, *PERMANENT)}
    # Base classes, those of features that nobody here uses, and what only the start meets.
    others = {"PyMongoError", "_OperationCancelled", "ClientBulkWriteException", "EncryptionError", "InvalidURI"}
    others |= {"EncryptedCollectionError"}
    assert {each.__name__ for each in every - tried} == others


@pytest.mark.parametrize("make", [errors.WriteError, errors.OperationFailure, errors.DuplicateKeyError])
def test_what_the_server_quotes_is_not_repeated(make: Callable[..., errors.OperationFailure]) -> None:
    said = str(meaning(make('dup key: { userid: "ada-1" }', 11000)))
    assert "ada-1" not in said
    assert "11000" in said
