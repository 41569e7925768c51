"""`python -m cm_api.indexes`: make every domain's indexes. Safe to repeat; run before the first consumer starts."""

from __future__ import annotations

from cm_api.domains import rooms
from shop_core import mongo, serve
from shop_core.settings import MongoSettings, load


def main() -> None:
    with serve.one_sentence():
        db = mongo.connect(load(MongoSettings), "cm-api-indexes")
        mongo.require_transactions(db)
        for room in rooms():
            room.ensure_indexes(db)


if __name__ == "__main__":
    main()
