"""The API's description: /openapi.json, /asyncapi.json, and a page that shows both without any address outside."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from flask import Blueprint
from markupsafe import escape

from cm_server.api_docs.html import page
from cm_server.context import PREFIX
from cm_server.prepared import REVALIDATED, Prepared
from cm_server.ui import CONTENT_SECURITY_POLICY
from shop_core.events.asyncapi import document as asyncapi_document


def blueprint(docs_path: str, openapi: dict[str, Any], version: str) -> Blueprint:
    """`docs_path` is the page's path below the prefix, `version` the folder of the pages' files."""
    routes = Blueprint("docs", __name__, url_prefix=PREFIX)
    asyncapi = asyncapi_document()
    html = page(openapi, asyncapi, str(escape(PREFIX)), version)
    texts = {
        "/openapi.json": Prepared.of(msgspec.json.encode(openapi) + b"\n", "application/json"),
        "/asyncapi.json": Prepared.of(msgspec.json.encode(asyncapi) + b"\n", "application/json"),
        docs_path: Prepared.of(html.encode(), "text/html; charset=utf-8"),
    }
    headers = {"Cache-Control": REVALIDATED}
    guarded = headers | {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    for path, text in texts.items():
        said = guarded if path == docs_path else headers
        routes.add_url_rule(path, path.strip("/").replace(".", "_").replace("/", "_"), partial(text.answer, said))
    return routes
