"""The API's description: /openapi.json, /asyncapi.json, and a page of each without any address outside."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from flask import Blueprint

from cm_server.api_docs import events_page, http_page
from cm_server.api_docs.html import Site
from cm_server.context import PREFIX
from cm_server.prepared import REVALIDATED, Prepared
from cm_server.ui import CONTENT_SECURITY_POLICY
from cm_server.ui.frame import HTML
from shop_core.events.asyncapi import document as asyncapi_document


def blueprint(docs_path: str, openapi: dict[str, Any], version: str) -> Blueprint:
    """`docs_path` is the page's path below the prefix, `version` the folder of the pages' files."""
    routes = Blueprint("docs", __name__, url_prefix=PREFIX)
    asyncapi = asyncapi_document()

    def site_of(path: str) -> Site:
        """Relative, since a proxy may have the page and the base address both below another folder."""
        return Site("../" * (path.count("/") - 1), docs_path.strip("/"), version)

    events_path = f"{docs_path}/events"
    pages = {
        docs_path: http_page.page(openapi, site_of(docs_path)),
        events_path: events_page.page(asyncapi, site_of(events_path)),
    }
    texts = {
        "/openapi.json": Prepared.of(msgspec.json.encode(openapi) + b"\n", "application/json"),
        "/asyncapi.json": Prepared.of(msgspec.json.encode(asyncapi) + b"\n", "application/json"),
    } | {path: Prepared.of(html.encode(), HTML) for path, html in pages.items()}
    headers = {"Cache-Control": REVALIDATED}
    guarded = headers | {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    for path, text in texts.items():
        said = guarded if path in pages else headers
        routes.add_url_rule(path, path.strip("/").replace(".", "_").replace("/", "_"), partial(text.answer, said))
    return routes
