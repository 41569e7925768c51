"""The broker: nothing in the clear, nobody unknown, and each principal just what its work needs."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    OffsetSpec,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from shop_core.admin import kafka_acls
from shop_core.admin.acl_table import Rule, read
from shop_core.events import DOMAINS
from shop_core.kafka.lag import group_lags
from shop_core.kafka.topic_reader import read_all
from shop_core.kafka.topics import ensure_topics
from shop_operator.adapters.kafka import Kafka, Layout
from shop_operator.desired.kafka_login import Login
from shop_security.secured import Secured

if TYPE_CHECKING:
    from tests.security.live.conftest import Shop

ACLS = Path(__file__).parents[3] / "kafka" / "acls.json"
# No consumer of this domain runs here, so that its group and topic belong to the table test alone.
ANALYTICS, CAMPAIGNS = DOMAINS["analytics"], DOMAINS["campaigns"]
OPERATIONS = ("write", "write dlq", "read", "commit", "lag", "read campaigns", "create", "delete", "see ACLs")
MAY = {
    "cm-server": {"write"},
    "analytics-consumer": {"read", "commit", "lag", "write dlq"},
    "purchases-consumer": set(),
    "catalog-consumer": set(),
    "campaigns-consumer": {"read campaigns"},
    "cm-api": {"read campaigns"},
    "cm-ops": {"read", "lag", "read campaigns", "write"},
    "keda": {"lag"},
    "kafka-ui": {"read", "lag", "read campaigns"},
    # A group's first offsets are a commit, for which Kafka wants READ.
    "operator": {"lag", "commit", "create", "read", "read campaigns"},
    "shopctl": {"write", "read", "lag", "read campaigns"},
}


class Hand:
    """One principal's clients, and each operation of the table as a call that raises where it is denied."""

    def __init__(self, secured: Secured, principal: str) -> None:
        self._options = secured.options(principal)
        self._name = principal

    def write(self, topic: str) -> None:
        # A client of its own: one that was denied a topic remembers it in the next metadata request.
        limits = {"max_block_ms": 20_000, "request_timeout_ms": 15_000, "delivery_timeout_ms": 20_000}
        producer = KafkaProducer(**self._options, **limits, allow_auto_create_topics=False)
        try:
            producer.send(topic, b"{}", partition=0).get(30)
        finally:
            with suppress(KafkaError):
                producer.close(timeout=1)

    def read(self, topic: str) -> None:
        place = TopicPartition(topic, 0)
        consumer = KafkaConsumer(**self._options, enable_auto_commit=False, allow_auto_create_topics=False)
        try:
            consumer.assign([place])
            consumer.seek(place, 0)
            consumer.beginning_offsets([place])  # raises without DESCRIBE, where `poll` would ask on and on
            deadline = time.monotonic() + 60
            while not consumer.poll(timeout_ms=500):
                assert time.monotonic() < deadline, f"neither denied nor read: {topic}"
        finally:
            consumer.close()

    def commit(self) -> None:
        place = TopicPartition(ANALYTICS.topic, 0)
        consumer = KafkaConsumer(**self._options, group_id=ANALYTICS.group, enable_auto_commit=False)
        try:
            consumer.assign([place])
            consumer.commit({place: OffsetAndMetadata(0, "", -1)}, timeout_ms=20_000)
        finally:
            with suppress(KafkaError):
                consumer.close(autocommit=False)

    def administrate(self, operation: str) -> None:
        places = [TopicPartition(ANALYTICS.topic, 0)]
        anything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
        client = KafkaAdminClient(**self._options)
        try:
            if operation == "lag":
                client.list_group_offsets({ANALYTICS.group: places})
                client.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
            elif operation == "create":
                client.create_topics({"shop.of-a-test": {"num_partitions": 1, "replication_factor": 1}})
            elif operation == "delete":
                client.delete_topics([CAMPAIGNS.dlq])
            else:
                every = (ACLOperation.ANY, ACLPermissionType.ANY)
                client.describe_acls(ACLFilter(None, None, *every, anything))
        finally:
            client.close()

    def may(self, operation: str) -> bool:
        calls: dict[str, Callable[[], None]] = {
            "write": lambda: self.write(ANALYTICS.topic),
            "write dlq": lambda: self.write(ANALYTICS.dlq),
            "read": lambda: self.read(ANALYTICS.topic),
            "read campaigns": lambda: self.read(CAMPAIGNS.topic),
            "commit": self.commit,
        }
        try:
            calls.get(operation, lambda: self.administrate(operation))()
        except KafkaError as error:
            # Anything else than a denial is a fault of the test, and said.
            assert "AuthorizationFailed" in repr(error), (self._name, operation, error)
            return False
        return True


@pytest.fixture(scope="module")
def something_to_read(secured: Secured) -> None:
    for topic in (ANALYTICS.topic, CAMPAIGNS.topic):
        Hand(secured, "admin").write(topic)


@pytest.mark.security(16)
@pytest.mark.parametrize("principal", MAY)
def test_each_principal_may_its_work_and_no_more(secured: Secured, something_to_read: None, principal: str) -> None:
    hand = Hand(secured, principal)
    assert {operation for operation in OPERATIONS if hand.may(operation)} == MAY[principal]


def question(api: int, version: int, body: bytes = b"") -> bytes:
    """A request as it goes over the wire, with its length before it."""
    text = struct.pack(">hhih4s", api, version, 1, 4, b"test") + body
    return struct.pack(">i", len(text)) + text


@pytest.mark.security(15)
def test_nothing_is_answered_in_the_clear_on_any_listener(secured: Secured) -> None:
    broker = [ConfigResource(ConfigResourceType.BROKER, "1")]
    said = secured.brokers.describe_configs(broker, config_filter="all")["broker"]["1"]["listeners"]["value"]
    ports = {int(listener.rpartition(":")[2]) for listener in said.split(",")}
    assert secured.port in ports and len(ports) > 1, "the controller has one as well"
    for port in ports:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            plain.sendall(question(18, 0))  # ApiVersions, the first one of every client
            answer = plain.recv(100)
        # The broker takes it for a broken TLS record, and says so by an alert at most.
        assert answer == b"" or answer[0] == 21, (port, answer)


@pytest.mark.security(15)
def test_no_password_can_be_sent_as_it_is(secured: Secured, trusting: ssl.SSLContext) -> None:
    """SCRAM only: asked for a mechanism that nobody has, the broker lists its own."""
    with (
        socket.create_connection(("127.0.0.1", secured.port), timeout=20) as plain,
        trusting.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
        encrypted.makefile("rb") as answers,
    ):
        encrypted.sendall(question(17, 1, struct.pack(">h4s", 4, b"NONE")))
        answer = answers.read(*struct.unpack(">i", answers.read(4)))
    error, count, length = struct.unpack(">hih", answer[4:12])
    assert (error, count, answer[12:]) == (33, 1, b"SCRAM-SHA-512"), (length, answer)


@pytest.mark.security(15)
def test_no_weaker_protocol_is_spoken_and_no_wrong_password_taken(secured: Secured, tmp_path: Path) -> None:
    """By the shop's own code, which says in one sentence what may be wrong; a weaker protocol fails as itself, so with
    the right password."""
    (tmp_path / "password").write_text("wrong")
    cases: dict[str, tuple[dict[str, str], str]] = {
        "PLAINTEXT": ({}, "does not answer"),
        "SASL_PLAINTEXT": ({}, "refuses the user admin"),
        "SSL": ({}, "does not answer"),
        "SASL_SSL": ({"KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password")}, "refuses the user admin"),
    }
    with ThreadPoolExecutor(len(cases)) as pool:
        said = {
            protocol: pool.submit(secured.refused, "admin", KAFKA_SECURITY_PROTOCOL=protocol, **wrong)
            for protocol, (wrong, _) in cases.items()
        }
        for protocol, (_, words) in cases.items():
            assert words in said[protocol].result(), protocol


@pytest.mark.security(15)
def test_old_tls_and_unknown_authorities_are_refused(secured: Secured, trusting: ssl.SSLContext) -> None:
    def version(context: ssl.SSLContext) -> str | None:
        with (
            socket.create_connection(("127.0.0.1", secured.port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
        ):
            return encrypted.version()

    assert version(trusting) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        version(ssl.create_default_context())
    old = ssl.create_default_context(cafile=str(secured.ca))
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        version(old)


def test_taking_the_table_there_again_changes_nothing(secured: Secured) -> None:
    table = read(ACLS)
    again = secured.command("shopctl", "kafka", "acls", "--file", ACLS, "--dry-run")
    assert {line.split()[0] for line in again.splitlines()} == {"kept"}

    # What somebody added by hand is shown as surplus, and goes with --prune.
    by_hand = Rule("User:keda", "TOPIC", "shop.purchases", "LITERAL", "READ")
    kafka_acls.create(secured.brokers, [by_hand])

    def taken(**how: bool) -> tuple[int, set[str]]:
        lines: list[str] = []
        code = kafka_acls.apply(secured.brokers, table, say=lines.append, **how)
        return code, {line for line in lines if not line.startswith("kept")}

    assert taken(prune=False, dry_run=True) == (kafka_acls.DIFFERS, {f"surplus {by_hand}"})
    assert taken(prune=True, dry_run=False) == (0, {f"removed {by_hand}"})
    assert taken(prune=False, dry_run=True) == (0, set())


class Witness:
    """The brokers' admin client; whoever is given a password must have their rights by then."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.let_in: set[str] = set()

    def alter_user_scram_credentials(self, users: list[Any]) -> Any:
        known = {rule.principal for rule in kafka_acls.found(self._client)}
        assert {f"User:{user.user}" for user in users} <= known
        self.let_in |= {user.user for user in users}
        return self._client.alter_user_scram_credentials(users)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_nobody_can_log_in_before_having_their_rights(secured: Secured, tmp_path: Path) -> None:
    """A producer that connects in between fails its first event, long after both are there."""
    file, right = tmp_path / "acls.json", {"resource": "TOPIC", "name": "shop.new", "operations": ["WRITE"]}
    file.write_text(json.dumps({"principals": {"newcomer": {"why": "is new", "may": [right]}}}))
    witness = Witness(secured.brokers)
    said: list[str] = []
    try:
        assert kafka_acls.bring(witness, read(file), {"newcomer": "a-password-of-this-test"}, say=said.append) == 0
        assert witness.let_in == {"newcomer"} and said[-1] == "password User:newcomer"
    finally:
        file.write_text(json.dumps({"principals": {"newcomer": {"why": "is gone", "may": []}}}))
        kafka_acls.bring(secured.brokers, read(file), {}, prune=True, say=said.append)


def test_the_operator_does_its_work(secured: Secured) -> None:
    """By the keys of the Secret that it shares its shape with KEDA."""
    password = (secured.kafka / "operator").read_text().strip()
    login = {"sasl": "scram_sha512", "username": "operator", "password": password, "tls": "enable"}
    kafka = Kafka(secured.bootstrap, Login(login | {"ca": secured.ca.read_text()}, "the operator's Secret"))
    try:
        layout = Layout(partitions=2, replication=1, min_insync=1)
        made = kafka.ensure("shop.of-the-operator", layout, dead_letters=True)
        assert (made.topics, made.refused) == (["shop.of-the-operator", "shop.of-the-operator.dlq"], {})
        seen = kafka.observe("shop.of-the-operator", "cm-api-of-the-operator")
        assert seen is not None
        assert kafka.commit("shop.of-the-operator", "cm-api-of-the-operator", {0: 0, 1: 0}) == ""
        begun = kafka.observe("shop.of-the-operator", "cm-api-of-the-operator")
        assert begun is not None and [p.committed for p in begun.partitions] == [0, 0]
    finally:
        kafka.close()


def test_a_purchase_goes_through_in_whole(shop: Shop) -> None:
    answer = buy(shop, "ada-1")
    assert answer.status == 201, (answer.data, shop.log_of("purchases-consumer")[-3000:])
    found = shop.request("GET", "/v1/users/ada-1/purchases").json()
    assert [item["price"] for item in found["purchases"]] == ["12.50"]
    assert "follow_failed" not in shop.log_of("cm-api")


def test_what_is_derived_and_refused_has_its_way_too(shop: Shop, secured: Secured, until: Callable[..., None]) -> None:
    headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
    product = shop.request("POST", "/v1/products", body=json.dumps({"name": "lamp", "price": "5"}), headers=headers)
    review = json.dumps({"userid": "ada-1", "rating": 4, "text": "said", "displayName": "Ada"})
    path = f"/v1/products/{product.json()['id']}/reviews"
    assert shop.request("POST", path, body=review, headers=headers).status == 201
    operator = secured.connection("operator")
    until(lambda: read_all(operator, "shop.ratings"), "a changed rating is told")

    Hand(secured, "shopctl").write("shop.purchases")
    letters = ("shopctl", "dlq")

    def listed() -> str:
        return str(secured.command(*letters, "list", principal="shopctl", user="shop-reader"))

    until(listed, "what can't be decoded is a dead letter")
    secured.command(*letters, "discard", "--all", "--yes", principal="shopctl", user="shop-writer")
    assert listed() == ""

    shopctl = secured.connection("shopctl")
    assert ensure_topics(shopctl, DOMAINS.values()) == []
    assert {lag.group: lag.members for lag in group_lags(shopctl, DOMAINS.values(), 20)}["cm-api-purchases"] == 1
    rebuilt = secured.command("shopctl", "rebuild", "catalog", "--check", principal="shopctl", user="shop-migrator")
    assert "every document is the same" in rebuilt


def buy(shop: Shop, userid: str) -> urllib3.BaseHTTPResponse:
    body = json.dumps({"username": "ada", "userid": userid, "price": "12.50"})
    headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
    return shop.request("POST", "/v1/purchases", body=body, headers=headers)
