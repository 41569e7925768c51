"""`python -m shop_core.admin.kafka_acls`: users and ACLs as code, taken to the brokers. Safe to repeat.

Run as the brokers' super user (KAFKA_SASL_USERNAME and its file), by a Job or by `shopctl kafka acls`. A password is
set anew each time, since brokers tell nobody what it was: new connections need the new one, open ones live on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from shop_core import cli
from shop_core.admin import arguments
from shop_core.admin.acl_table import Rule, Table, compare, read
from shop_core.config.settings import KafkaSettings, load
from shop_core.errors import ConfigError, Unavailable
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.topics import admin

DIFFERS = 3
Say = Callable[[str], None]


def run(options: argparse.Namespace) -> int:
    """Bring users and ACLs to what the table says; `Unavailable` where the brokers don't answer, or refuse."""
    table, kafka = read(options.file), KafkaConnection.of(load(KafkaSettings, os.environ))
    passwords = {} if options.passwords is None else passwords_in(options.passwords, table)

    def at_the_brokers() -> int:
        with admin(kafka) as client:
            return bring(client, table, passwords, prune=options.prune, dry_run=options.dry_run, say=say)

    return cli.retry_while_unavailable(at_the_brokers, options.wait)


def bring(
    client: Any, table: Table, passwords: dict[str, str], *, prune: bool = False, dry_run: bool = False, say: Say
) -> int:
    """Rights first, then what lets in: a producer that logs in before it may write fails its first event by it."""
    code = apply(client, table, prune=prune, dry_run=dry_run, say=say)
    if not dry_run:
        set_passwords(client, passwords, say)
    return code


def apply(client: Any, table: Table, *, prune: bool, dry_run: bool, say: Say) -> int:
    """The exit code: 3 for a dry run that found a difference, else 0."""
    difference = compare(table, found(client))
    removed = difference.surplus if prune else ()
    if not dry_run:
        create(client, difference.missing)
        delete(client, removed)
    for word, rules in (
        ("missing" if dry_run else "added", difference.missing),
        ("kept", difference.kept),
        ("removed" if prune and not dry_run else "surplus", difference.surplus),
    ):
        for rule in rules:
            say(f"{word:8}{rule}")
    return DIFFERS if dry_run and (difference.missing or difference.surplus) else 0


def passwords_in(folder: Path, table: Table) -> dict[str, str]:
    """The password of each principal of the table that has a file in `folder`, as a mounted Secret gives them."""
    named = {user: folder / user for user in table.principals if (folder / user).is_file()}
    known = {user: path.read_text().strip() for user, path in named.items()}
    if not known or not all(known.values()):
        raise ConfigError(f"{folder} must hold a file with a password for each principal that is to get one.")
    return known


def set_passwords(client: Any, passwords: dict[str, str], say: Say) -> None:
    if not passwords:
        return
    users = [
        UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, password)
        for user, password in passwords.items()
    ]
    refused = {user: why for user, why in client.alter_user_scram_credentials(users).items() if why}
    if refused:
        raise Unavailable(f"the brokers did not take the passwords of {', '.join(sorted(refused))}")
    for user in sorted(passwords):
        say(f"{'password':9}User:{user}")


def found(client: Any) -> list[Rule]:
    """Every ACL that there is."""
    anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    every, _ = client.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, anything))
    return [
        Rule(
            acl.principal,
            acl.resource_pattern.resource_type.name,
            acl.resource_pattern.resource_name,
            acl.resource_pattern.pattern_type.name,
            acl.operation.name,
            acl.permission_type.name,
            acl.host,
        )
        for acl in every
    ]


def create(client: Any, rules: Sequence[Rule]) -> None:
    if rules and (failed := client.create_acls([_acl(rule, ACL, ResourcePattern) for rule in rules])["failed"]):
        raise Unavailable(f"the brokers did not take {len(failed)} ACLs ({failed[0].__name__})")


def delete(client: Any, rules: Iterable[Rule]) -> None:
    filters = [_acl(rule, ACLFilter, ResourcePatternFilter) for rule in rules]
    if filters:
        client.delete_acls(filters)


def _acl(rule: Rule, kind: Any, pattern: Any) -> Any:
    at = pattern(ResourceType[rule.resource], rule.name, ACLResourcePatternType[rule.pattern])
    return kind(rule.principal, rule.host, ACLOperation[rule.operation], ACLPermissionType[rule.permission], at)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    return cli.command(sys.modules[__name__], arguments.kafka_acls, argv)


if __name__ == "__main__":
    sys.exit(main())
