"""What the model makes of one key on two commands: the log has no order between partitions, within one it has."""

from __future__ import annotations

from typing import Any

import pytest

from shop_model.log import Record
from shop_model.rules import Domain, Refused


class Shelf(Domain):
    """Takes all that is not called wrong."""

    def do(self, record: Record) -> None:
        if record.data.get("wrong"):
            raise Refused(404)


def command(partition: int, offset: int, digest: str, **data: Any) -> Record:
    return Record("shop.shelf", partition, offset, "shop.thing.put.v1", "key", digest, True, "2026-01-01", data)


FIRST = command(0, 0, "a")


@pytest.mark.parametrize(
    ("second", "refused", "becomes", "faults"),
    [
        (command(0, 1, "a"), False, 200, 0),
        (command(0, 1, "b"), True, 409, 0),
        (command(1, 0, "b"), True, 409, 0),
        (command(1, 0, "b", wrong=True), False, 404, 0),  # it came first, where the key was not known yet
        (command(1, 0, "b"), False, 200, 1),
        (command(0, 1, "b", wrong=True), False, 200, 1),  # within a partition the key was known
    ],
    ids=["again", "refused", "refused in another", "wrong in another", "done twice", "wrong in the same"],
)
def test_one_key_names_one_command(second: Record, refused: bool, becomes: int, faults: int) -> None:
    shelf = Shelf(key_refused={second.receipt} if refused else set())
    shelf.replay([FIRST, second])
    assert shelf.became == {FIRST.receipt: 200, second.receipt: becomes}
    assert len(shelf.faults) == faults
