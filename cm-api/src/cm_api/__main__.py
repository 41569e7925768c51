"""The command `cm-api`: checks the configuration, then becomes gunicorn."""

from __future__ import annotations

from contextlib import suppress

from cm_api.settings import QuerySettings
from shop_core import mongo, serve
from shop_core.errors import Outage
from shop_core.settings import load


def main() -> None:
    """Exit with one sentence where the configuration can't work; a database that is away is waited for later."""
    with serve.one_sentence():
        settings = load(QuerySettings)
        with suppress(Outage):  # readiness names it; it may come
            mongo.require_transactions(mongo.connect(settings, "cm-api"))
        serve.gunicorn(
            "cm_api.app:create_app()",
            host=settings.http_host,
            port=settings.http_port,
            workers=settings.http_workers,
            threads=settings.http_threads,
        )


if __name__ == "__main__":
    main()
