"""The command `cm-server`: checks the configuration, then becomes gunicorn."""

from __future__ import annotations

from cm_server.callers import authenticators
from cm_server.settings import ServerSettings
from shop_core import serve
from shop_core.settings import load


def main() -> None:
    """Exit with one sentence where the configuration can't work; Kafka that is away is waited for by the workers."""
    with serve.one_sentence():
        settings = load(ServerSettings)
        authenticators(settings)
        serve.gunicorn(
            "cm_server.app:create_app()",
            host=settings.http_host,
            port=settings.http_port,
            workers=settings.http_workers,
            threads=settings.http_threads,
        )


if __name__ == "__main__":
    main()
