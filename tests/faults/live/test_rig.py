"""The rig on a platform that nothing befalls: its verdict is clean; and what is then done to the database is found."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from bson.decimal128 import Decimal128

from shop_faults.customers import Customers
from shop_faults.reader import Reader
from shopctl.proof.checker import check
from shopctl.proof.history import History, Kind
from shopctl.proof.open_loop import OpenLoop

SECONDS, RATE = 10.0, 50.0


@pytest.mark.timeout(600)
def test_what_is_done_to_the_database_is_found(
    start_platform: Callable[..., AbstractContextManager[Any]], until: Callable[..., None], tmp_path: Path
) -> None:
    with start_platform(tmp_path / "platform") as platform:
        reader, load = Reader(platform), OpenLoop(platform.base_url, Customers("rig", 1), RATE)
        load.start()
        time.sleep(SECONDS)
        load.stop()
        until(reader.drained, "all is stored", 120)
        verdict = check(load.history, reader.shown())
        assert verdict.clean, str(verdict)
        assert (verdict.refused, verdict.unknown) == (0, 0)
        planted = plant(platform.db, load.history)
        found = check(load.history, reader.shown()).faults
    assert {name: len(lines) for name, lines in found.items()} == dict.fromkeys(planted, 1), found
    assert all(about in found[name][0] for name, about in planted.items()), found


def plant(db: Any, history: History) -> dict[str, str]:
    """One fault of each kind, by its name: what it is about."""
    lost, twice, other = db["purchases"].find({}).limit(3)
    db["purchases"].delete_one({"_id": lost["_id"]})
    db["purchases"].insert_one({**twice, "_id": "another"})
    db["purchases"].insert_one({**twice, "_id": "ghost", "username": "a-stranger"})
    db["purchases"].update_one({"_id": other["_id"]}, {"$set": {"productid": "another"}})
    changes = [sent.command for sent in history.sent if sent.command.kind is Kind.EVENT]
    late = next(command for command in changes if command.method == "PATCH")
    first = next(command for command in changes if command.place == late.place)
    earlier = db["campaign_events"].update_one(
        {"name": {"$regex": f"^{late.place}/"}},
        {"$set": {"name": first.content["name"], "endDate": datetime.fromisoformat(first.content["endDate"])}},
    )
    assert earlier.modified_count == 1
    user = db["users"].find_one({})["_id"]
    db["users"].update_one({"_id": user}, {"$inc": {"totalSpent": Decimal128("0.01")}})
    return {
        "lost": lost["username"],
        "doubled": twice["username"],
        "ghost": "a-stranger",
        "changed": other["username"],
        "disordered": late.place,
        "wrong": user,
    }
