"""The MongoDB operator's resource says what the table of users says, for those who let it make them."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

import shop_core.mongo
from cm_api.domains.catalog import store as catalog
from cm_api.registry import read_model
from shop_core.admin.mongo_users import Table, read
from shop_core.events import DOMAINS
from shop_core.mongo.generations import Generations

# What each consumer keeps beside its read models: where it stands, what it refused, whom it erased.
SHARED = {"positions", "rejections", "erasures"}
MONGODB = Path(__file__).parents[2] / "mongodb"
DATABASE = "shop"
# What a store reads of another domain: the catalog, whether who reviews has bought.
READ_ONLY = {"catalog": {"purchases"}}


def named_in(module: Path) -> set[str]:
    """The collections that a module opens by their names."""
    return set(re.findall(r'db\["(\w+)"\]', module.read_text()))


@pytest.fixture
def table() -> Table:
    return read(MONGODB / "users.json")


@pytest.fixture
def spec() -> Any:
    return yaml.safe_load((MONGODB / "community.yaml").read_text())["spec"]


@pytest.mark.security(17)
def test_the_users_are_those_of_the_table_with_their_roles(spec: Any, table: Table) -> None:
    granted = {user["name"]: {(role["name"], role["db"]) for role in user["roles"]} for user in spec["users"]}
    assert granted == {name: {(role, DATABASE) for role in user.roles} for name, user in table.users.items()}
    assert {user["db"] for user in spec["users"]} == {DATABASE}, "they log in where the URI says"


@pytest.mark.security(17)
def test_the_roles_are_those_of_the_table_with_their_actions(spec: Any, table: Table) -> None:
    for role in spec["security"]["roles"]:
        assert (role["db"], role["roles"]) == (DATABASE, [])
        assert role["privileges"] == table.roles[role["role"]].privileges(DATABASE)
    assert {role["role"] for role in spec["security"]["roles"]} == set(table.roles)


@pytest.mark.security(17)
@pytest.mark.parametrize("name", sorted(DOMAINS))
def test_a_consumer_writes_the_collections_of_its_own_store(table: Table, name: str) -> None:
    store = import_module(f"cm_api.domains.{name}.store")
    assert table.users[f"{name}-consumer"].roles == ("read", f"{name}Writer")
    writer = table.roles[f"{name}Writer"]
    rebuilt = set(store.COLLECTIONS) if read_model(name).rebuilding else set()
    assert set(writer.rebuilt) == rebuilt
    assert set(writer.collections) == (named_in(Path(store.__file__ or "")) - READ_ONLY.get(name, set())) | SHARED
    assert set(writer.actions) == {"insert", "update", "remove"}, "to drop or index is another user's"


@pytest.mark.security(17)
def test_who_looks_for_operators_reads_what_was_refused_and_nothing_that_is_stored(table: Table) -> None:
    assert table.users["cm-ops"].roles == ("positionsReader", "lettersDesk")
    granted = [each for role in table.users["cm-ops"].roles for each in table.roles[role].privileges(DATABASE)]
    may = {each["resource"]["collection"]: set(each["actions"]) for each in granted}
    desk = {"find", "insert", "update"}
    assert may == {"positions": {"find"}, "rejections": desk, "strange_letters": desk}


@pytest.mark.security(17)
def test_a_role_names_its_collections_in_every_generation_that_there_will_be(table: Table) -> None:
    named = {each["resource"]["collection"] for each in table.roles["catalogWriter"].privileges(DATABASE)}
    live = 0
    for _ in range(3 * Generations.MOST):
        assert {Generations.name(collection, live) for collection in catalog.COLLECTIONS} <= named
        following = Generations.following(live)
        assert following not in (live, 0)
        live = following


@pytest.mark.security(17)
def test_what_every_consumer_writes_is_what_the_pipeline_keeps() -> None:
    """One that is new in shop_core.mongo is to be told apart: written by every consumer, or by none of these."""
    folder = Path(shop_core.mongo.__file__ or "").parent
    kept = set().union(*(named_in(module) for module in folder.glob("*.py")))
    assert kept == SHARED | {"generations", "outbox", "strange_letters"}, "the rebuild's, the catalog's, shopctl's"


@pytest.mark.security(17)
def test_each_user_has_a_password_of_its_own_and_nothing_is_in_the_clear(spec: Any) -> None:
    passwords = [(user["passwordSecretRef"]["name"], user["passwordSecretRef"]["key"]) for user in spec["users"]]
    assert passwords == [("shop-database-passwords", user["name"]) for user in spec["users"]]
    stored = [user["scramCredentialsSecretName"] for user in spec["users"]]
    assert len(set(stored)) == len(stored)
    tls = spec["security"]["tls"]
    assert tls["enabled"] and not tls.get("optional") and tls["certificateKeySecretRef"]["name"]
