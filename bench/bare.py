"""The peers of POST /buy and GET /analytics: Flask views that do nothing, under the same gunicorn and settings."""

from __future__ import annotations

import os

from flask import Flask, Response

from shop_core import cli


def create_app() -> Flask:
    app = Flask(__name__)

    @app.post("/buy")
    def buy() -> Response:
        return Response(b'{"status":"Ok!"}', content_type="application/json")

    @app.get("/analytics")
    def analytics() -> Response:
        return Response(b"unique_users,1\nclicks,1\nimpressions,1", content_type="text/plain; charset=utf-8")

    return app


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    cli.gunicorn("bare:create_app()", host="127.0.0.1", port=int(os.environ["HTTP_PORT"]), workers=2, threads=16)
