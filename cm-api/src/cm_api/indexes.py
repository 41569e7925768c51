"""`python -m cm_api.indexes`: make collections and indexes. Safe to repeat; run before the first consumer starts."""

from __future__ import annotations

from cm_api.registry import domain_modules
from shop_core import cli
from shop_core.config.settings import MongoSettings, load
from shop_core.mongo import client
from shop_core.mongo.client import Erasures

# What the consumers write in their transactions and no domain has an index on.
COLLECTIONS = (
    *("positions", "rejections", "erasures", "generations", "outbox"),
    *("users", "campaigns_applied", "analytics_applied"),
)


def main() -> None:
    with cli.exit_with_message():
        db = client.connect(load(MongoSettings), "cm-api-indexes")
        client.require_transactions(db)
        client.ensure_collections(db, COLLECTIONS)
        Erasures(db, "").ensure_indexes()
        for domain_module in domain_modules():
            domain_module.ensure_indexes(db)


if __name__ == "__main__":
    main()
