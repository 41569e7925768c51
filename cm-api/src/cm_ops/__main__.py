"""The command `cm-ops`: checks the configuration, then becomes gunicorn."""

from __future__ import annotations

from cm_ops.settings import OpsSettings
from shop_core import cli
from shop_core.config.settings import load


def main() -> None:
    """Exit with one sentence where the configuration can't work; what is away is waited for, and told."""
    with cli.exit_with_message():
        settings = load(OpsSettings)
        # One worker: one look at Kafka and MongoDB is for all who watch.
        cli.gunicorn(
            "cm_ops.app:create_app()",
            host=settings.http_host,
            port=settings.http_port,
            workers=1,
            threads=settings.http_threads,
        )


if __name__ == "__main__":
    main()
