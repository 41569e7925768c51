"""The collection `wishes`: writes inside the consumer's transaction, reads for the query API. A rebuild makes a new
generation of it beside the live one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pymongo import ASCENDING
from pymongo.client_session import ClientSession
from pymongo.database import Database

from cm_api.erasure import Partitions, told_in
from shop_core.mongo.client import Document
from shop_core.mongo.errors import translate_errors
from shop_core.mongo.generations import Generations

DOMAIN = "wishlists"
COLLECTION = "wishes"


def ensure_indexes(db: Database[Document], generation: int | None = None) -> None:
    """The index of the queries below; safe to repeat."""
    with translate_errors():
        number = Generations(db).current(DOMAIN) if generation is None else generation
        db[Generations.name(COLLECTION, number)].create_index([("userid", ASCENDING)], name="userid")


class WishStore:
    """`session` is the consumer's transaction; reads for the API go without one."""

    def __init__(
        self, db: Database[Document], session: ClientSession | None = None, generation: int | None = None
    ) -> None:
        if generation is None:
            with translate_errors():
                known = Generations(db)
                generation = known.current(DOMAIN) if session is None else known.written(DOMAIN, session)
        self._wishes = db[Generations.name(COLLECTION, generation)]
        self._session = session

    def applied(self, ids: Sequence[str]) -> dict[str, str]:
        """Digest by id of those already stored."""
        found = self._wishes.find({"_id": {"$in": list(ids)}}, {"digest": 1}, session=self._session)
        return {doc["_id"]: doc["digest"] for doc in found}

    def add(self, docs: Sequence[Document]) -> None:
        if docs:
            self._wishes.insert_many(docs, session=self._session)

    def of(self, userids: Sequence[str]) -> set[tuple[str, str]]:
        """(userid, productid) of all that these users wish for."""
        with translate_errors():
            found = self._wishes.find({"userid": {"$in": list(userids)}}, session=self._session)
            return {(doc["userid"], doc["productid"]) for doc in found}

    def erase(self, userid: str, partitions: Partitions) -> None:
        """Leave of a user's wishes out of these partitions only ids and digests."""
        gone = {"$unset": {"userid": "", "productid": "", "partition": ""}}
        self._wishes.update_many({"userid": userid} | told_in(partitions), gone, session=self._session)

    def every(self, collection: str) -> Iterator[Document]:
        yield from self._wishes.find({}, session=self._session, batch_size=1000)

    def drop(self) -> None:
        with translate_errors():
            self._wishes.drop()
