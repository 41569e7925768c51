"""`python -m cm_api.indexes`: make collections and indexes. Safe to repeat; run before the first consumer starts."""

from __future__ import annotations

from cm_api.registry import read_models
from shop_core import cli
from shop_core.config.settings import MongoSettings, load
from shop_core.mongo import client
from shop_core.mongo.erasures import Erasures

# What the consumers of all domains write in their transactions.
SHARED = ("positions", "rejections", "erasures", "generations", "outbox")


def main() -> None:
    with cli.exit_with_message():
        db = client.connect(load(MongoSettings), "cm-api-indexes")
        client.require_transactions(db)
        models = read_models()
        client.ensure_collections(db, [*SHARED, *(name for model in models for name in model.collections)])
        Erasures(db, "").ensure_indexes()
        for model in models:
            model.ensure_indexes(db)


if __name__ == "__main__":
    main()
