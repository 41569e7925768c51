"""`python -m cm_api.domains.catalog.verify`: recount each product's ratings from the stored reviews, and compare."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterable

from cm_api.domains.catalog.projection import sort_keys
from cm_api.domains.catalog.rating import Rating
from cm_api.domains.catalog.store import DOMAIN, CatalogStore
from shop_core import cli
from shop_core.config.settings import MongoSettings, load
from shop_core.mongo import client
from shop_core.mongo.client import ClientSession, Document, Generations

SHOWN = 20


def faults(products: Iterable[Document], reviews: Iterable[Document]) -> tuple[int, int, list[str]]:
    """How many products and reviews there are, and a line for each thing that is not as the reviews have it."""
    counted: dict[str, Rating] = defaultdict(Rating)
    owners: set[str] = set()
    found: list[str] = []
    numbers = {"products": 0, "reviews": 0}
    for doc in reviews:
        numbers["reviews"] += 1
        counted[doc["productid"]] = counted[doc["productid"]].changed(None, doc["rating"])
        if doc["owner"] in owners:
            found.append(f"review {doc['_id']}: a second one of product {doc['productid']} by user {doc['userid']}")
        owners.add(doc["owner"])
    for doc in products:
        numbers["products"] += 1
        recount = counted.pop(doc["_id"], Rating())
        if doc["rating"] != recount.stored():
            found.append(f"product {doc['_id']}: stored {doc['rating']}, recounted {recount.stored()}")
        elif not sort_keys(doc, recount).items() <= doc["sort"].items():
            found.append(f"product {doc['_id']}: sorts by another rating than it has")
    found += [f"product {id}: {rating.count} reviews, but no product" for id, rating in counted.items()]
    return numbers["products"], numbers["reviews"], found


def main() -> int:
    """0 when all agree, 3 when something differs, 4 when the database could not be asked."""
    with cli.exit_with_message(outage=cli.EXIT_UNAVAILABLE):
        db = client.connect(load(MongoSettings, os.environ), "shopctl-verify")
        client.require_transactions(db)

        def count(session: ClientSession) -> tuple[int, int, list[str]]:
            store = CatalogStore(db, session, Generations(db).current(DOMAIN, session))
            reviews = store.every("reviews", {"productid": 1, "userid": 1, "owner": 1, "rating": 1})
            return faults(store.every("products", {"name": 1, "price": 1, "rating": 1, "sort": 1}), reviews)

        products, reviews, found = client.in_transaction(db, count)
    for line in found[:SHOWN]:
        sys.stdout.write(line + "\n")
    verdict = f"{len(found)} faults: `shopctl rebuild catalog --repair` makes them right" if found else "all exact"
    sys.stdout.write(f"{products:,} products, {reviews:,} reviews: {verdict}\n")
    return 3 if found else 0


if __name__ == "__main__":
    sys.exit(main())
