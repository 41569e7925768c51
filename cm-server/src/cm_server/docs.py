"""The API's description, made from the code's own types: /openapi.json, and a page that shows it."""

from __future__ import annotations

from flask import Blueprint, Response

from cm_server.context import PREFIX
from cm_server.openapi import document
from shop_core.web import json_answer


def blueprint(docs_path: str) -> Blueprint:
    """`docs_path` is the page's path below the prefix."""
    routes = Blueprint("docs", __name__, url_prefix=PREFIX)
    described = document()

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return json_answer(described)

    return routes
