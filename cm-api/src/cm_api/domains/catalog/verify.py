"""`python -m cm_api.domains.catalog.verify`: recount each product's ratings from the stored reviews, and compare."""

from __future__ import annotations

import os
import sys

from cm_api.domains.catalog.audit import live, recount
from shop_core import cli
from shop_core.config.settings import MongoSettings, load
from shop_core.mongo import client
from shop_core.mongo.client import ClientSession

SHOWN = 20


def main() -> int:
    """0 when all agree, 3 when something differs, 4 when the database could not be asked."""
    products, found = 0, []
    with cli.exit_with_message(outage=cli.EXIT_UNAVAILABLE):
        db = client.connect(load(MongoSettings, os.environ), "shopctl-verify")
        client.require_transactions(db)
        after: str | None = ""
        while after is not None:
            start = after

            def some(session: ClientSession, start: str = start) -> tuple[list[str], int, str | None]:
                piece = recount(live(db, session), start)
                return [each.about for each in piece.findings], piece.looked, piece.following

            lines, looked, after = client.in_transaction_again(db, some)
            products += looked
            found += lines
    for line in found[:SHOWN]:
        sys.stdout.write(line + "\n")
    verdict = f"{len(found)} faults: `shopctl rebuild catalog --repair` makes them right" if found else "all exact"
    sys.stdout.write(f"{products:,} products: {verdict}\n")
    return 3 if found else 0


if __name__ == "__main__":
    sys.exit(main())
