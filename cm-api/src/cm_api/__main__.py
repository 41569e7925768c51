"""The command `cm-api`: checks the configuration, then becomes gunicorn."""

from __future__ import annotations

from contextlib import suppress

from cm_api.settings import QuerySettings
from shop_core import cli
from shop_core.config.settings import load
from shop_core.errors import Unavailable
from shop_core.mongo import client


def main() -> None:
    """Exit with one sentence where the configuration can't work; a database that is away is waited for later."""
    with cli.exit_with_message():
        settings = load(QuerySettings)
        with suppress(Unavailable):  # readiness names it; it may come
            client.require_transactions(client.connect(settings, "cm-api"))
        cli.gunicorn(
            "cm_api.app:create_app()",
            host=settings.http_host,
            port=settings.http_port,
            workers=settings.http_workers,
            threads=settings.http_threads,
        )


if __name__ == "__main__":
    main()
