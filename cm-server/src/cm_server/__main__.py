"""The command `cm-server`: checks the configuration, then becomes gunicorn."""

from __future__ import annotations

from cm_server.security.authentication import authenticators
from cm_server.settings import ServerSettings
from shop_core import cli
from shop_core.config.settings import load


def main() -> None:
    """Exit with one sentence where the configuration can't work; Kafka that is away is waited for by the workers."""
    with cli.exit_with_message():
        settings = load(ServerSettings)
        authenticators(settings)
        cli.gunicorn(
            "cm_server.app:create_app()",
            host=settings.http_host,
            port=settings.http_port,
            workers=settings.http_workers,
            threads=settings.http_threads,
        )


if __name__ == "__main__":
    main()
