"""The pages below the base address: plain files, held in memory, sent with strict headers.

It only serves files. What a page shows comes from the public HTTP API, as for any other client, so nothing
here may know purchases, Kafka or cm-api.
"""

from __future__ import annotations

from functools import lru_cache

from flask import Blueprint, Response, abort, request

from cm_server.prepared import REVALIDATED, Prepared
from cm_server.ui import assets, problem_pages
from cm_server.ui.frame import HTML, PAGES, Frame, base_of

# Everything comes from this host and nothing is inline, so an injected script has no way to run.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": REVALIDATED,
}


class Pages:
    """The pages and their files, below `prefix`; `docs` is the API page's path below it, None without one."""

    def __init__(self, prefix: str, docs: str | None = "docs") -> None:
        self._prefix = prefix
        self._assets = assets.load()
        self._frame = Frame(self._assets, docs)
        # An address leads to few ways to the base, each of which makes another text.
        self._page = lru_cache(maxsize=32)(lambda name, base: Prepared.of(self._frame.page(name, base), HTML))

    @property
    def version(self) -> str:
        """The folder of the files."""
        return self._assets.version

    def blueprint(self) -> Blueprint:
        ui = Blueprint("ui", __name__, url_prefix=self._prefix)
        ui.add_url_rule("", "page", self.page)
        ui.add_url_rule("/", "page_slash", self.page)
        for name in filter(None, PAGES):
            ui.add_url_rule(f"/{name}", f"page_{name}", self.page, defaults={"name": name})
        ui.add_url_rule("/problems", "problems", self.problem, defaults={"name": ""})
        ui.add_url_rule("/problems/<name>", "problem", self.problem)
        ui.add_url_rule("/ui/<name>", "static", self.static)
        ui.add_url_rule("/ui/<version>/<name>", "versioned_static", self.static)
        return ui

    def page(self, name: str = "") -> Response:
        return self._page(name, base_of(request.path, self._prefix)).answer(_HEADERS)

    def static(self, name: str, version: str = "") -> Response:
        """A file. Below another release's folder, as while one replaces the other, it is this one's and not kept."""
        file = self._assets.files.get(name) or abort(404)
        return file.answer(_HEADERS | ({"Cache-Control": assets.KEPT} if version == self.version else {}))

    def problem(self, name: str) -> Response:
        """What a kind of problem means, at the address that is its `type`."""
        main = problem_pages.explained(name) or abort(404)
        text = self._frame.around(main, "Problems", base_of(request.path, self._prefix))
        return Prepared.of(text, HTML).answer(_HEADERS)

    def error(self, status: int, detail: str, meant: str | None) -> Response:
        """What somebody sees whose browser asked for what is not there, with ways to go on."""
        base = base_of(request.path, self._prefix)
        main = problem_pages.failed(status, detail, meant, base, self._prefix)
        return Prepared.of(self._frame.around(main, "Not here", base), HTML).answer(_HEADERS, status)
