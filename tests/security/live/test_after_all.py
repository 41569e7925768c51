"""After the whole run, with everything that it broke, rotated and refused: no name and no secret is in a log or metric.

A person who was there from the start goes last, and is looked for by any part of a word; everybody else whom the
databases name, by whole words.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shop_security.secured import Secured
from shop_security.told import Told, logs_below, names_in
from shopctl.layout import HOST, PREFIX

if TYPE_CHECKING:
    from tests.conftest import Platform
    from tests.security.conftest import Door
    from tests.security.live.conftest import Shop

pytestmark = [pytest.mark.last, pytest.mark.security(26)]
SERVICES = ("cm-server.log", "cm-api.log", "purchases-consumer", "catalog-consumer", "kafka.log", "database.log")


def everything_written(below: Path, platform: Platform, door: Door, shop: Shop) -> dict[str, str]:
    """Each log of each process of this run, and the metrics of those that still run, by where they are."""
    texts = {str(path): text for path, text in logs_below(below).items()}
    health = [process.address for name, process in platform.processes().items() if "-consumer" in name]
    addresses = [platform.base_url, platform.api_url, door.base_url, door.api_url]
    addresses += [f"http://{address}" for address in health]
    addresses += [f"http://{HOST}:{port}" for port in shop.ports.values()]
    for address in addresses:
        where = f"{address.removesuffix(PREFIX)}/metrics"
        answer = door.http.request("GET", where, retries=False)
        assert answer.status == 200, where
        texts[where] = answer.data.decode()
    return texts


def leave(place: Platform, canary: str) -> None:
    """The last that somebody does: be read by every name, ask for all that is known, and be erased."""
    headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
    for path in (f"/getAllUserBuys/{canary}", f"/v1/users/{canary}/purchases", f"/v1/users/{canary}"):
        assert place.request("GET", path, headers=headers).status == 200, path
    exported = place.request("GET", f"/v1/users/{canary}/export", headers=headers)
    assert canary in exported.data.decode(), "it was there all the time"
    assert place.request("DELETE", f"/v1/users/{canary}", headers=headers).status == 200
    assert place.request("GET", f"/v1/users/{canary}", headers=headers).status == 404


def test_the_run_left_no_name_and_no_secret_behind(
    platform: Platform, door: Door, shop: Shop, secured: Secured, told: Told, tmp_path_factory: pytest.TempPathFactory
) -> None:
    body = json.dumps({"username": told.canary, "userid": told.canary, "price": "1"})
    headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
    assert shop.request("POST", "/buy", body=body, headers=headers).status == 200
    leave(platform, told.canary)
    told.secret(*secured.passwords())
    with secured.database() as db:
        names = names_in(platform.db) | names_in(db)
    assert told.canary in names, "whoever is named there is looked for"

    texts = everything_written(tmp_path_factory.getbasetemp(), platform, door, shop)
    for folder in (platform.state_dir, secured.folder):
        here = [where.removeprefix(str(folder)) for where in texts if where.startswith(str(folder))]
        assert all(any(service in where for where in here) for service in SERVICES), (folder, here)
    found = {where: sorted(words) for where, text in texts.items() if (words := told.found_in(text, names))}
    assert not found


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    told = Told()
    name = f"person-{told.canary[6:16]}"
    told.secret(secret := "a-secret-of-this-test")
    for number, line in enumerate((f"key={told.canary}-1", f'"{name}"', f"password%3D{secret}%21")):
        (tmp_path / f"{number}.log").write_text(f"one line\nand another {line}\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "0000.log").write_text(told.canary)
    found = {path.name: told.found_in(text, {name}) for path, text in logs_below(tmp_path).items()}
    assert found == {"0.log": {told.canary}, "1.log": {name}, "2.log": {secret}}
