"""`shopctl kafka acls`: users and ACLs of the brokers, brought to what `kafka/acls.json` says."""

from __future__ import annotations

from typing import Any

from shop_core.kafka import access


def register(commands: Any) -> None:
    """Add `kafka acls` to the command line."""
    parser = commands.add_parser("kafka", help="users and ACLs of the brokers", allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True)
    about = "bring users and ACLs to a table's state, as the brokers' super user"
    acls = actions.add_parser("acls", help=about, description=about, allow_abbrev=False)
    access.add_arguments(acls)
    acls.set_defaults(run=access.run)
