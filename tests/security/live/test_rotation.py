"""Every password and certificate of the running shop is changed while purchases come in: none is lost, none doubled,
and no process starts again. In the order that docs/how-to/security.md says: first the server, then the files."""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from kafka.admin import ConfigResource, ConfigResourceType
from pymongo import MongoClient
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from shop_core.admin import mongo_users
from shop_security.authority import Authority
from shop_security.secured import Secured
from shop_security.servers import Database

if TYPE_CHECKING:
    from tests.security.live.conftest import Shop

ROOT = Path(__file__).parents[3]
BUYERS = 3


@dataclass
class Buying:
    """Buyers who each send one purchase after the other, the same one until it is acked."""

    shop: Shop
    run: str = field(default_factory=lambda: f"rotation-{uuid.uuid4().hex[:8]}")
    acked: list[str] = field(default_factory=list)
    last: str = ""
    again: Counter[str] = field(default_factory=Counter)
    enough: threading.Event = field(default_factory=threading.Event)

    def buy(self, buyer: int) -> None:
        number = 0
        while not self.enough.wait(0.05):
            number += 1
            name = f"{self.run}-{buyer}/{number}"
            body = json.dumps({"username": name, "userid": f"{self.run}-{buyer}", "price": "1"})
            while not (id := self._acked(body, name)):
                self.enough.wait(0.1)
            self.acked.append(name)
            self.last = id

    def _acked(self, body: str, key: str) -> str:
        """The purchase's id; '' where it is to be sent again."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        try:
            answer = self.shop.request("POST", "/v1/purchases", body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            self.again[type(error).__name__] += 1
            return ""
        assert answer.status in (202, 503), answer.data
        self.again.update(["503"] if answer.status == 503 else [])
        return str(answer.json()["id"]) if answer.status == 202 else ""


@pytest.fixture
def buying(shop: Shop) -> Iterator[Buying]:
    found = Buying(shop)
    threads = [threading.Thread(target=found.buy, args=(buyer,)) for buyer in range(BUYERS)]
    for thread in threads:
        thread.start()
    yield found
    found.enough.set()
    for thread in threads:
        thread.join(60)


@dataclass
class CredentialWatch:
    """The steps, each done when every process has taken it and purchases go on."""

    secured: Secured
    database: Database
    shop: Shop
    buying: Buying
    until: Callable[..., None]
    replace: Callable[[Path, str], None]

    def files(self, change: Callable[[], None]) -> None:
        before = self.shop.holders()
        change()
        for name, old in before.items():
            self.until(lambda name=name, old=old: self.renewed(name, old), f"{name} has made its clients anew", 120)
        self.goes_on()

    def renewed(self, name: str, before: list[str]) -> bool:
        now = self.shop.holders()[name]
        if name.endswith("-consumer"):
            return len(now) > len(before)
        return len(now) == len(before) and not set(now) & set(before)

    def sells(self) -> None:
        """Purchases are acked."""
        acked = len(self.buying.acked)
        self.until(lambda: len(self.buying.acked) >= acked + 20, "purchases go on")

    def goes_on(self) -> None:
        """Purchases are acked, stored and read."""
        self.sells()
        path = f"/v1/purchases/{self.buying.last}"
        self.until(lambda: self.shop.request("GET", path).status == 200, "what was acked is read", 120)

    def passwords(self, folder: Path) -> dict[Path, Path]:
        """New ones for everybody, at the servers; the files that say so, by the files that do not yet."""
        fresh = {}
        for kind in (self.secured.kafka, self.secured.mongodb):
            (folder / kind.name).mkdir()
            for old in kind.iterdir():
                fresh[old] = folder / kind.name / old.name
                fresh[old].write_text(uuid.uuid4().hex)
        table = ("--file", ROOT / "kafka" / "acls.json")
        self.secured.command("shopctl", "kafka", "acls", *table, "--passwords", folder / self.secured.kafka.name)
        with self.secured.database() as db:
            users = mongo_users.read(ROOT / "mongodb" / "users.json")
            mongo_users.apply(db, users, mongo_users.passwords_in(folder / self.secured.mongodb.name, users))
        return fresh

    def take(self, fresh: dict[Path, Path]) -> None:
        for old, new in fresh.items():
            self.replace(old, new.read_text())
        for uri in self.secured.folder.glob("*.uri"):
            self.replace(uri, self.secured.uri(uri.stem))

    def broker(self, store: str, path: Path) -> None:
        """Let the broker take a key or truststore; it checks the one against the other, and tells when it has both."""
        config = {f"listener.name.sasl_ssl.ssl.{store}.location": str(path)}
        resource = [ConfigResource(ConfigResourceType.BROKER, "1", config)]

        def taken() -> bool:
            answer = self.secured.brokers.alter_configs(resource, raise_on_unknown=False)
            return bool(answer["broker"]["1"] == "OK")

        self.until(taken, f"the broker takes its new {store}")


@pytest.fixture
def rotation(
    secured: Secured,
    database: Database,
    shop: Shop,
    buying: Buying,
    until: Callable[..., None],
    replace_file: Callable[[Path, str], None],
) -> CredentialWatch:
    return CredentialWatch(secured, database, shop, buying, until, replace_file)


@pytest.mark.security(14)
def test_passwords_and_certificates_change_under_load(
    rotation: CredentialWatch, tmp_path: Path, make_authority: Callable[[Path], Authority]
) -> None:
    secured, shop, buying = rotation.secured, rotation.shop, rotation.buying
    rotation.goes_on()
    old_password, old_uri = (secured.kafka / "cm-server").read_text(), secured.uri("purchases-consumer")

    # At the servers first, where open connections live on: new passwords. Then the files: these, and the authority
    # that is to come beside the one that is. In between, who needs one more connection to the database is refused it,
    # so reads may wait.
    fresh = rotation.passwords(tmp_path)
    rotation.sells()
    authority = make_authority(tmp_path / "second")
    both, keys = tmp_path / "both.pem", tmp_path / "keys.pem"
    both.write_text(secured.ca.read_text() + authority.certificate.read_text())
    keys.write_text(authority.both.read_text())
    rotation.files(lambda: rotation.take(fresh | dict.fromkeys((secured.ca, secured.database_ca), both)))

    # Everybody believes both, so the servers may show the new certificate; then only the new authority is believed.
    rotation.broker("truststore", both)
    rotation.broker("keystore", keys)
    rotation.database.show(authority)
    rotation.goes_on()
    believed = dict.fromkeys((secured.ca, secured.database_ca), authority.certificate)
    rotation.files(lambda: rotation.take(believed))

    buying.enough.set()
    stored: Counter[str] = Counter()
    with secured.database() as db:
        rotation.until(
            lambda: db["purchases"].count_documents({"userid": {"$regex": f"^{buying.run}"}}) >= len(buying.acked),
            "everything acked is stored",
        )
        stored.update(doc["username"] for doc in db["purchases"].find({"userid": {"$regex": f"^{buying.run}"}}))
    lost = set(buying.acked) - stored.keys()
    doubled = {name for name, times in stored.items() if times > 1}
    assert (lost, doubled) == (set(), set()), buying.again
    assert {name for name, process in shop.processes.items() if process.poll() is not None} == set()

    # What was valid before isn't any more, so what went on did so by the new ones.
    (tmp_path / "old").write_text(old_password)
    refused = secured.refused("cm-server", KAFKA_SASL_PASSWORD_FILE=str(tmp_path / "old"))
    assert "refuses the user cm-server" in refused
    assert "does not answer" in secured.refused("cm-server", KAFKA_SSL_CA_FILE=str(secured.authority.certificate))
    client: MongoClient[dict[str, Any]]
    with (
        MongoClient(old_uri, tls=True, tlsCAFile=str(secured.database_ca)) as client,
        pytest.raises(OperationFailure),
    ):
        client["shop"]["purchases"].find_one()
    stale: dict[str, Any] = {"tlsCAFile": str(secured.authority.certificate), "serverSelectionTimeoutMS": 2_000}
    with (
        MongoClient(secured.uri("shop-writer"), tls=True, **stale) as client,
        pytest.raises(ServerSelectionTimeoutError, match="certificate verify failed"),
    ):
        client["shop"]["purchases"].find_one()
