"""The API's description: /openapi.json, /asyncapi.json, and a page that shows both without any address outside."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from markupsafe import escape

from cm_server.api_docs.html import page
from cm_server.context import PREFIX
from cm_server.ui import CONTENT_SECURITY_POLICY
from shop_core.events.asyncapi import document as asyncapi_document
from shop_core.http.app import json_answer


def blueprint(docs_path: str, openapi: dict[str, Any]) -> Blueprint:
    """`docs_path` is the page's path below the prefix."""
    routes = Blueprint("docs", __name__, url_prefix=PREFIX)
    asyncapi = asyncapi_document()
    html = page(openapi, asyncapi, str(escape(PREFIX)))

    @routes.get("/openapi.json")
    def openapi_json() -> Response:
        return json_answer(openapi)

    @routes.get("/asyncapi.json")
    def asyncapi_json() -> Response:
        return json_answer(asyncapi)

    @routes.get(docs_path)
    def docs_page() -> Response:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
        return Response(html, headers=headers, content_type="text/html; charset=utf-8")

    return routes
