"""A service in another language reads the log alone, and comes to what the shop shows (schemas/examples)."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shopctl.kafka_install import KafkaHome, java
from shopctl.layout import layout_of

if TYPE_CHECKING:
    from tests.conftest import Platform

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "schemas" / "examples"


def send(platform: Platform, method: str, path: str, body: Any = None, **headers: str) -> int:
    named = {"Content-Type": "application/json", "Prefer": "wait=10"} | headers
    return platform.request(method, path, body=body and json.dumps(body), headers=named).status


@pytest.fixture(params=["java", "node"])
def command(request: pytest.FixtureRequest, platform: Platform, node: Path) -> list[str | Path]:
    """What starts the program of each language."""
    if request.param == "java":
        libs = KafkaHome(ROOT, layout_of(platform.state_dir), platform.ports).libs
        return [java(), "-Xmx256m", "-Dlog4j2.level=OFF", "-cp", f"{libs}/*", EXAMPLES / "Spending.java"]
    return [node, shutil.copy(EXAMPLES / "spending.mjs", ROOT / ".venv" / "clients" / "js")]


def test_a_service_in_another_language_adds_up_what_users_spent(platform: Platform, command: list[str | Path]) -> None:
    run = uuid.uuid4().hex[:8]
    twice, erased, gone = (f"{name}-{run}" for name in ("twice", "erased", "gone"))

    def buy(user: str, price: str, **headers: str) -> None:
        body = {"username": user, "userid": user, "price": price}
        assert send(platform, "POST", "/v1/purchases", body, **headers) == 201

    for _ in range(2):
        buy(twice, "10.10", **{"Idempotency-Key": run})
    buy(twice, "0.20")
    for user in (erased, gone):
        buy(user, "99")
        assert send(platform, "DELETE", f"/v1/users/{user}") == 200
    buy(erased, "5")

    done = subprocess.run([*command, platform.bootstrap], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}
    assert found[twice] == ["2", "10.30"] and found[erased] == ["1", "5"] and gone not in found
    for user in (twice, erased):
        profile = platform.request("GET", f"/v1/users/{user}").json()
        assert found[user] == [str(profile["count"]), profile["totalSpent"]], "as the shop shows it"
