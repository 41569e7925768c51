"""The database: nobody unknown, nothing in the clear, and each user just what its work needs.

The embedded database enforces roles on a whole database as MongoDB does. Those on a single collection it takes for the
whole database (mongodb/README.md): of the consumers' users only that is shown here, and that they may do their work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from shop_core.events import DOMAINS
from shop_security.secured import Secured

if TYPE_CHECKING:
    from tests.security.live.conftest import Shop

NOT_ALLOWED = 13
CONSUMERS = [f"{domain}-consumer" for domain in DOMAINS]
MAY = {
    "shop-writer": {"find", "insert", "update", "delete", "transaction"},
    **{user: {"find", "insert", "update", "delete", "transaction"} for user in CONSUMERS},
    "shop-reader": {"find"},
    # Of three collections, as of a consumer's rights the collections are the table's test (tests/unit).
    "cm-ops": {"find", "insert", "update", "transaction"},
    "shop-migrator": {"find", "insert", "update", "delete", "transaction", "index", "create", "drop"},
}


def operations(db: Any) -> dict[str, Callable[[], Any]]:
    things = db["things_of_a_test"]

    def transaction() -> None:
        with db.client.start_session() as session, session.start_transaction():
            things.insert_one({}, session=session)

    return {
        "find": lambda: list(things.find({})),
        "insert": lambda: things.insert_one({}),
        "update": lambda: things.update_many({}, {"$set": {"x": 1}}),
        "delete": lambda: things.delete_one({}),
        "transaction": transaction,
        "index": lambda: things.create_index("x"),
        "create": lambda: db.create_collection("more_of_a_test"),
        "drop": lambda: db.drop_collection("more_of_a_test"),
        "write elsewhere": lambda: db.client["elsewhere"]["things"].insert_one({}),
        "read elsewhere": lambda: list(db.client["elsewhere"]["things"].find({})),
        "drop database": lambda: db.client.drop_database("elsewhere"),
        "make a user": lambda: db.command("createUser", "root2", pwd="x", roles=["readWrite"]),
        "raise itself": lambda: db.command("grantRolesToUser", "shop-reader", roles=["readWrite"]),
        "read users": lambda: list(db.client["admin"]["system.users"].find({})),
        "change the server": lambda: db.client["admin"].command("getParameter", "*"),
    }


@pytest.fixture
def things(secured: Secured) -> Iterator[None]:
    """A collection that each user finds as it is used to: made by somebody else, with something in it."""
    with secured.database() as db:
        db["things_of_a_test"].insert_one({})
        yield
        for name in ("things_of_a_test", "more_of_a_test"):
            db.drop_collection(name)


@pytest.mark.security(17)
@pytest.mark.parametrize("user", MAY)
def test_each_user_may_its_work_and_no_more(secured: Secured, things: None, user: str) -> None:
    with secured.database(user) as db:
        allowed = set()
        for name, operation in operations(db).items():
            try:
                operation()
            except OperationFailure as error:
                # Anything else than a denial is a fault of the test, and said.
                assert error.code == NOT_ALLOWED, (name, error)
            else:
                allowed.add(name)
    assert allowed == MAY[user]


@pytest.mark.security(17)
def test_nobody_is_let_in_without_a_name_or_with_a_wrong_one(secured: Secured) -> None:
    good = secured.uri("shop-reader")
    tls: dict[str, Any] = {"tls": True, "tlsCAFile": str(secured.database_ca)}
    unnamed = f"mongodb://127.0.0.1:{secured.database_port}/"
    for uri in (unnamed, good.replace("shop-reader:", "shop-reader:x"), good.replace("shop-reader", "shop-nobody")):
        with MongoClient(uri, serverSelectionTimeoutMS=20_000, **tls) as client, pytest.raises(OperationFailure):
            client["shop"]["purchases"].find_one()


@pytest.mark.security(17)
def test_nothing_is_answered_in_the_clear_or_to_who_checks_another_authority(secured: Secured) -> None:
    uri = secured.uri("shop-reader")
    client: MongoClient[dict[str, Any]]
    with MongoClient(uri, serverSelectionTimeoutMS=1500) as client, pytest.raises(PyMongoError):
        client["shop"]["purchases"].find_one()
    with (
        MongoClient(uri, serverSelectionTimeoutMS=1500, tls=True) as client,
        pytest.raises(PyMongoError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client["shop"]["purchases"].find_one()


@pytest.mark.security(17)
def test_the_shop_runs_without_an_administrator(shop: Shop, secured: Secured) -> None:
    """What cm-api may not, it doesn't need: its routes answer while it is the reader."""
    with secured.database() as db:
        users = {user["user"]: {role["role"] for role in user["roles"]} for user in db.command("usersInfo", 1)["users"]}
    ours = {"shop-writer": {"shopWriter"}, "shop-reader": {"read"}, "shop-migrator": {"readWrite"}}
    ours["cm-ops"] = {"positionsReader", "lettersDesk"}
    assert users == ours | {user: {"read", f"{user.removesuffix('-consumer')}Writer"} for user in CONSUMERS}
    for path in ("/v1/products", "/v1/users/ada-1", "/v1/users/ada-1/purchases", "/v1/users/ada-1/export"):
        assert shop.request("GET", path).status in (200, 404), path
    for name in shop.processes:
        assert "not authorized" not in shop.log_of(name)
        assert '"OperationFailure 13"' not in shop.log_of(name)
