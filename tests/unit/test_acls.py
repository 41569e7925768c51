"""The table of ACLs: it knows every domain, gives nobody more than their work, and is compared rightly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shop_core.admin.acl_table import Rule, Table, compare, read
from shop_core.errors import ConfigError
from shop_core.events import DOMAINS

FILE = Path(__file__).parents[2] / "kafka" / "acls.json"
ONE = {"why": "to test", "may": [{"resource": "TOPIC", "name": "a", "operations": ["READ"]}]}


@pytest.fixture
def table() -> Table:
    return read(FILE)


def may(table: Table, user: str, operation: str, resource: str = "TOPIC") -> set[str]:
    return {
        rule.name
        for rule in table.rules()
        if (rule.principal, rule.operation, rule.resource) == (f"User:{user}", operation, resource)
    }


def test_cm_server_writes_every_domain_and_nothing_else(table: Table) -> None:
    assert may(table, "cm-server", "WRITE") == {domain.topic for domain in DOMAINS.values()}
    assert {rule.operation for rule in table.rules() if rule.principal == "User:cm-server"} == {"WRITE"}


@pytest.mark.parametrize("name", sorted(DOMAINS))
def test_a_consumer_has_its_own_domain_only(table: Table, name: str) -> None:
    domain, user = DOMAINS[name], f"{name}-consumer"
    assert may(table, user, "READ") == {domain.topic}
    assert may(table, user, "READ", "GROUP") == {domain.group}
    assert may(table, user, "WRITE") == {domain.dlq, *domain.derived}


def test_nobody_may_everything(table: Table) -> None:
    writers = {rule.principal for rule in table.rules() if rule.operation == "WRITE" and rule.pattern == "PREFIXED"}
    assert not writers
    assert not {rule for rule in table.rules() if rule.resource == "CLUSTER" or rule.name == "*"}
    assert {rule.operation for rule in table.rules() if rule.principal == "User:keda"} == {"DESCRIBE"}
    assert {rule.principal for rule in table.rules() if rule.operation == "CREATE"} == {"User:operator"}


def test_the_desk_of_operators_reads_events_and_dead_letters_and_sends_to_domains(table: Table) -> None:
    read = {name for domain in DOMAINS.values() for name in (domain.topic, domain.dlq)}
    assert may(table, "cm-ops", "READ") == read
    assert may(table, "cm-ops", "WRITE") == {domain.topic for domain in DOMAINS.values()}
    assert may(table, "cm-ops", "READ", "GROUP") == set()


def test_a_page_for_people_reads_and_no_more(table: Table) -> None:
    rules = {(rule.resource, rule.operation) for rule in table.rules() if rule.principal == "User:kafka-ui"}
    assert rules == {("TOPIC", "READ"), ("TOPIC", "DESCRIBE_CONFIGS"), ("GROUP", "DESCRIBE")}


def test_what_is_there_is_kept_and_what_is_others_not_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "acls.json"
    file.write_text(json.dumps({"principals": {"one": ONE}}))
    wanted = Rule("User:one", "TOPIC", "a", "LITERAL", "READ")
    beyond = Rule("User:one", "TOPIC", "a", "LITERAL", "WRITE")
    denied = Rule("User:one", "TOPIC", "a", "LITERAL", "READ", "DENY")
    others = Rule("User:two", "TOPIC", "a", "LITERAL", "WRITE")

    fresh = compare(read(file), [others])
    assert (fresh.missing, fresh.kept, fresh.surplus) == ((wanted,), (), ())
    later = compare(read(file), [wanted, beyond, denied, others])
    assert (later.missing, later.kept, set(later.surplus)) == ((), (wanted,), {beyond, denied})


@pytest.mark.parametrize(
    "change", [{"operations": ["REED"]}, {"pattern": "ANY"}, {"resource": "TOPICS"}, {"from": "here"}]
)
def test_a_mistake_in_the_table_is_a_sentence(tmp_path: Path, change: dict[str, object]) -> None:
    file = tmp_path / "acls.json"
    file.write_text(json.dumps({"principals": {"one": ONE | {"may": [ONE["may"][0] | change]}}}))  # type: ignore[operator]
    with pytest.raises(ConfigError, match="no table of ACLs"):
        read(file)
