"""`python -m shop_core.admin.mongo_users`: MongoDB's users and roles as code, from a table (`mongodb/users.json`).

Run as a user administrator (MONGODB_URI_FILE), by a Job or by `shopctl mongodb users`. Safe to repeat: what is there is
brought to the table's state, a changed password is taken over, and open connections live on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from shop_core import cli
from shop_core.admin import arguments
from shop_core.config.settings import MongoSettings, load
from shop_core.errors import ConfigError
from shop_core.mongo import client
from shop_core.mongo.client import Database, Document
from shop_core.mongo.errors import translate_errors
from shop_core.mongo.generations import Generations

MECHANISM = "SCRAM-SHA-256"


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role that MongoDB doesn't have: its actions on collections of the shop's database, all where none is named,
    and nowhere else. `rebuilt` are those that have another name after each rebuild."""

    why: str
    actions: tuple[str, ...]
    collections: tuple[str, ...] = ()
    rebuilt: tuple[str, ...] = ()

    def privileges(self, database: str) -> list[Document]:
        named = [*self.collections, *chain.from_iterable(map(Generations.names, self.rebuilt))]
        return [
            {"resource": {"db": database, "collection": collection}, "actions": list(self.actions)}
            for collection in named or [""]
        ]


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user by its roles on the shop's database: one of the table's, or one that MongoDB has."""

    why: str
    roles: tuple[str, ...]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file, by names."""

    roles: dict[str, Role]
    users: dict[str, User]


def read(path: Path) -> Table:
    """The table in a file; `ConfigError` for one that is not as described here."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Table)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path} is no table of users ({error}).") from None


def passwords_in(folder: Path, table: Table) -> dict[str, str]:
    """The password of each user, from the file of its name, as a mounted Secret gives them."""
    found = {user: folder / user for user in table.users}
    if missing := sorted(user for user, path in found.items() if not path.is_file() or not path.read_text().strip()):
        raise ConfigError(f"{folder} must hold a file with a password for each user: {', '.join(missing)} is missing.")
    return {user: path.read_text().strip() for user, path in found.items()}


def apply(db: Database[Document], table: Table, passwords: Mapping[str, str]) -> list[str]:
    """Make what is missing and change what is there; a line for each role and user."""
    with translate_errors():
        roles = {role["role"] for role in db.command("rolesInfo", 1)["roles"]}
        users = {user["user"] for user in db.command("usersInfo", 1)["users"]}
        said = []
        for name, role in table.roles.items():
            verb = "update" if name in roles else "create"
            db.command(f"{verb}Role", name, privileges=role.privileges(db.name), roles=[])
            said.append(f"{verb}d role {name}")
        for name, user in table.users.items():
            granted = [{"role": role, "db": db.name} for role in user.roles]
            verb = "update" if name in users else "create"
            db.command(f"{verb}User", name, pwd=passwords[name], roles=granted, mechanisms=[MECHANISM])
            said.append(f"{verb}d user {name} ({', '.join(user.roles)} on {db.name})")
    return said


def run(options: argparse.Namespace) -> int:
    """Bring users and roles to what the table says; `Unavailable` where MongoDB doesn't answer, or refuses."""
    table = read(options.file)
    passwords = passwords_in(options.passwords, table)
    db = client.connect(load(MongoSettings, os.environ), "shop-users")
    sys.stdout.write("\n".join(cli.retry_while_unavailable(lambda: apply(db, table, passwords), options.wait)) + "\n")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return cli.command(sys.modules[__name__], arguments.mongo_users, argv)


if __name__ == "__main__":
    sys.exit(main())
