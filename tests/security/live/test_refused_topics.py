"""A topic that cm-server may not write to: its commands are told so at once and not to try again, the others go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from shop_core.admin import kafka_acls
from shop_core.admin.acl_table import Rule
from shop_security.secured import BIN, Secured
from shopctl.layout import HOST, PREFIX
from shopctl.supervisor import spawn

CAMPAIGN = {"name": "c", "startDate": "2028/02/29 00:00:00", "endDate": "2028/03/01 00:00:00"}
COMMANDS = {
    "shop.purchases": ("/v1/purchases", {"username": "till", "userid": "till", "price": "1"}),
    "shop.catalog": ("/v1/products", {"name": "lamp", "price": "5"}),
    "shop.campaigns": ("/campaign-events/", CAMPAIGN),
    "shop.analytics": ("/analytics?timestamp=1795690161000&user=till&click", None),
}


def right(principal: str, topic: str, operation: str = "WRITE") -> Rule:
    return Rule(f"User:{principal}", "TOPIC", topic, "LITERAL", operation)


@dataclass
class Till:
    """A cm-server of its own, as a user of its own."""

    principal: str
    url: str
    http: urllib3.PoolManager

    def send(self, topic: str) -> urllib3.BaseHTTPResponse:
        """The answer to a command whose event goes to `topic`."""
        path, body = COMMANDS[topic]
        headers = {"Content-Type": "application/json"}
        return self.http.request(
            "POST", self.url + path, body=json.dumps(body) if body else None, headers=headers, retries=False
        )

    def takes(self, topic: str) -> bool:
        try:
            return bool(self.send(topic).status in (202, 204))
        except urllib3.exceptions.HTTPError:  # it begins yet
            return False

    def assert_refused(self, topic: str) -> None:
        answer = self.send(topic)
        assert (answer.status, answer.headers["Content-Type"]) == (503, "application/problem+json"), answer.data
        assert "Retry-After" not in answer.headers
        # What no broker had answered in time would be told to come again.
        detail = answer.json()["detail"]
        assert topic in detail and "authoriz" in detail.lower() and "until an operator has mended that" in detail


@pytest.fixture(params=["python", "native"])
def till(
    secured: Secured, any_port: Callable[[], int], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Till]:
    """It may sell and count; of the campaigns' topic it may know, of the catalog's it may not."""
    principal = f"till-{request.param}"
    password, log, port = tmp_path / "password", tmp_path / "cm-server.log", any_port()
    password.write_text("a-password-of-this-test")
    may = [right(principal, "shop.purchases"), right(principal, "shop.analytics")]
    kafka_acls.create(secured.brokers, [*may, right(principal, "shop.campaigns", "DESCRIBE")])
    kafka_acls.set_passwords(secured.brokers, {principal: password.read_text()}, lambda _: None)
    own = {
        "KAFKA_CLIENT": request.param, "KAFKA_SASL_PASSWORD_FILE": str(password),
        "HTTP_HOST": HOST, "HTTP_PORT": str(port), "HTTP_WORKERS": "1",
    }  # fmt: skip
    with ExitStack() as stack:
        http = urllib3.PoolManager(timeout=30)
        stack.callback(http.clear)
        process = spawn([str(BIN / "cm-server")], secured.environ(principal, **own), log)
        stack.callback(process.wait, 60)
        stack.callback(process.terminate)
        yield Till(principal, f"http://{HOST}:{port}{PREFIX}", http)
    rules = [rule for rule in kafka_acls.found(secured.brokers) if rule.principal == f"User:{principal}"]
    kafka_acls.delete(secured.brokers, rules)


@pytest.mark.security(16)
def test_who_may_not_write_to_a_topic_says_so_and_serves_the_others(
    till: Till, secured: Secured, until: Callable[..., None]
) -> None:
    until(lambda: till.takes("shop.purchases"), "it sells")
    till.assert_refused("shop.catalog")
    assert till.takes("shop.analytics"), "what was not asked for before"
    for _ in range(3):
        for topic in ("shop.catalog", "shop.campaigns"):
            till.assert_refused(topic)
            assert till.takes("shop.purchases"), "nobody else is told no"
    kafka_acls.create(secured.brokers, [right(till.principal, "shop.catalog"), right(till.principal, "shop.campaigns")])
    for topic in ("shop.catalog", "shop.campaigns"):
        until(lambda topic=topic: till.takes(topic), f"{topic} is written to once that is allowed")
    kafka_acls.delete(secured.brokers, [right(till.principal, "shop.purchases")])
    until(lambda: not till.takes("shop.purchases"), "it may not sell any more")
    till.assert_refused("shop.purchases")
    assert till.takes("shop.catalog")
