"""Who may do what at the brokers, as a table: read from a file (`kafka/acls.json`) and compared with what is there.

Pure, so that the table can be tested without a broker; `shop_core.admin.kafka_acls` takes it there. Names are Kafka's
own. What is not in the table is denied, since a broker with an authorizer allows nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from shop_core.errors import ConfigError

ANY_HOST = "*"


@dataclass(frozen=True, order=True)
class Rule:
    """One ACL as the broker keeps it. Ours all say ALLOW from any host; others' may not."""

    principal: str
    resource: str
    name: str
    pattern: str
    operation: str
    permission: str = "ALLOW"
    host: str = ANY_HOST

    def __str__(self) -> str:
        unusual = "" if (self.permission, self.host) == ("ALLOW", ANY_HOST) else f"  {self.permission} from {self.host}"
        return f"{self.principal}  {self.operation}  {self.resource} {self.name} ({self.pattern}){unusual}"


class May(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a principal may do with one resource, or with all whose names begin so."""

    resource: Literal["TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID"]
    name: str
    operations: tuple[
        Literal[
            "READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE",
            "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "IDEMPOTENT_WRITE",
        ], ...,
    ]  # fmt: skip
    pattern: Literal["LITERAL", "PREFIXED"] = "LITERAL"


class Principal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One user of the brokers; `why` is for whoever reads the table."""

    why: str
    may: tuple[May, ...]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file: principals by their user name."""

    principals: dict[str, Principal]

    def rules(self) -> set[Rule]:
        return {
            Rule(f"User:{user}", may.resource, may.name, may.pattern, operation)
            for user, principal in self.principals.items()
            for may in principal.may
            for operation in may.operations
        }


@dataclass(frozen=True)
class Difference:
    """What is to be made, what is there as wanted, and what the table's principals may beyond it; each in order."""

    missing: tuple[Rule, ...]
    kept: tuple[Rule, ...]
    surplus: tuple[Rule, ...]


def read(path: Path) -> Table:
    """The table in a file; `ConfigError` for one that is not as described here."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Table)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path} is no table of ACLs ({error}).") from None


def compare(table: Table, found: Iterable[Rule]) -> Difference:
    """Rules of principals that the table doesn't name are somebody else's, and not looked at."""
    wanted, ours = table.rules(), {f"User:{user}" for user in table.principals}
    there = {rule for rule in found if rule.principal in ours}
    return Difference(tuple(sorted(wanted - there)), tuple(sorted(wanted & there)), tuple(sorted(there - wanted)))
