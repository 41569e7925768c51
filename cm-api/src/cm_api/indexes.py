"""`python -m cm_api.indexes`: make collections and indexes. Safe to repeat; run before the first consumer starts."""

from __future__ import annotations

from cm_api.domains import rooms
from shop_core import mongo, serve
from shop_core.mongo import Erasures
from shop_core.settings import MongoSettings, load

# What the consumers write in their transactions and no domain has an index on.
COLLECTIONS = (
    *("positions", "rejections", "erasures", "generations", "outbox"),
    *("users", "campaigns_applied", "analytics_applied"),
)


def main() -> None:
    with serve.one_sentence():
        db = mongo.connect(load(MongoSettings), "cm-api-indexes")
        mongo.require_transactions(db)
        mongo.ensure_collections(db, COLLECTIONS)
        Erasures(db, "").ensure_indexes()
        for room in rooms():
            room.ensure_indexes(db)


if __name__ == "__main__":
    main()
