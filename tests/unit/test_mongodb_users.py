"""The MongoDB operator's resource says what the table of users says, for those who let it make them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_core.admin.mongo_users import Table, read

MONGODB = Path(__file__).parents[2] / "mongodb"
DATABASE = "shop"


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
        [privilege] = role["privileges"]
        assert privilege["resource"] == {"db": DATABASE, "collection": ""}
        assert set(privilege["actions"]) == set(table.roles[role["role"]].actions)
    assert {role["role"] for role in spec["security"]["roles"]} == set(table.roles)


@pytest.mark.security(17)
def test_each_user_has_a_password_of_its_own_and_nothing_is_in_the_clear(spec: Any) -> None:
    passwords = [(user["passwordSecretRef"]["name"], user["passwordSecretRef"]["key"]) for user in spec["users"]]
    assert passwords == [("shop-database-passwords", user["name"]) for user in spec["users"]]
    stored = [user["scramCredentialsSecretName"] for user in spec["users"]]
    assert len(set(stored)) == len(stored)
    tls = spec["security"]["tls"]
    assert tls["enabled"] and not tls.get("optional") and tls["certificateKeySecretRef"]["name"]
