"""The collection `generations`: which build of a domain's read models is the live one, 0 for the first.

A rebuild makes the next one beside it; a consumer reads the number in its transaction and writes its positions
there, as the swap does, so that of the two the database lets one win. For the last few events before a swap the
rebuild holds the consumers: it takes over where they stand, so that no number goes back.

Numbers come again after `MOST` rebuilds, so that a role can name every collection there will be. By then whoever
kept something of the earlier one has long forgotten it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pymongo.client_session import ClientSession
from pymongo.database import Database

from shop_core.errors import Unavailable
from shop_core.mongo.client import Document
from shop_core.mongo.errors import translate_errors


class Generations:
    """Of all domains."""

    MOST = 9

    def __init__(self, db: Database[Document]) -> None:
        self._generations = db["generations"]

    @classmethod
    def following(cls, generation: int) -> int:
        """The number of the generation that a rebuild makes beside this one."""
        return generation % cls.MOST + 1

    @classmethod
    def names(cls, collection: str) -> list[str]:
        """Every name that `collection` may have."""
        return [cls.name(collection, generation) for generation in range(cls.MOST + 1)]

    @staticmethod
    def name(collection: str, generation: int) -> str:
        """The name of `collection` in a generation; the first has the plain one."""
        return collection if generation == 0 else f"{collection}_g{generation}"

    def current(self, domain: str, session: ClientSession | None = None) -> int:
        found = self._generations.find_one({"_id": domain}, session=session)
        return int(found["current"]) if found else 0

    def written(self, domain: str, session: ClientSession) -> int:
        """The one that a consumer's batch is for; `Unavailable` while a rebuild holds it."""
        found = self._generations.find_one({"_id": domain}, session=session) or {"current": 0}
        if (until := found.get("heldUntil")) and until > datetime.now(UTC):
            raise Unavailable("a rebuild takes over")
        return int(found["current"])

    def hold(self, domain: str, seconds: float) -> None:
        """Let no new batch in for a moment; a rebuild that dies meanwhile holds nobody up for longer."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        change = {"$set": {"heldUntil": until}, "$setOnInsert": {"current": 0}}
        with translate_errors():
            self._generations.update_one({"_id": domain}, change, upsert=True)

    def release(self, domain: str) -> None:
        with translate_errors():
            self._generations.update_one({"_id": domain}, {"$unset": {"heldUntil": ""}})

    def switch(self, session: ClientSession, domain: str, generation: int) -> None:
        self._generations.update_one(
            {"_id": domain},
            {"$set": {"current": generation, "at": datetime.now(UTC)}},
            upsert=True,
            session=session,
        )
