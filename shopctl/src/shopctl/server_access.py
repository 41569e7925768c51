"""`shopctl kafka acls` and `shopctl mongodb users`: who may do what at the servers, brought to what a table says."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from shop_core.admin import kafka_acls as kafka_access
from shop_core.admin import mongo_users


def register(commands: Any) -> None:
    """Add `kafka acls` and `mongodb users` to the command line."""
    _add(commands, "kafka", "acls", "users and ACLs of the brokers, as their super user", kafka_access)
    _add(commands, "mongodb", "users", "users and roles of the database, as a user administrator", mongo_users)


def _add(commands: Any, server: str, what: str, about: str, module: ModuleType) -> None:
    about = f"bring to a table's state: {about}"
    parser = commands.add_parser(server, help=about, allow_abbrev=False)
    action = parser.add_subparsers(dest="action", required=True).add_parser(
        what, help=about, description=about, allow_abbrev=False
    )
    module.add_arguments(action)
    action.set_defaults(run=module.run)
