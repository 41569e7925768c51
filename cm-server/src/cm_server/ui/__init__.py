"""The page at the base address: plain files, held in memory, sent with strict headers.

It only serves files. What the page shows comes from the public HTTP API, as for any other client, so nothing
here may know purchases, Kafka or cm-api.
"""

import hashlib
import mimetypes
from dataclasses import dataclass
from importlib import resources

from flask import Blueprint, Response, abort, request

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
    # Ask every time, answer 304: an upgrade shows at once, and modules of two releases never mix.
    "Cache-Control": "no-cache",
}
_SERVED = (".css", ".js", ".svg")
# The slim images of Python have no mime.types file, and a module script with a wrong type is refused.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}


@dataclass(frozen=True)
class _Asset:
    body: bytes
    mimetype: str
    etag: str


def _asset(name: str, body: bytes) -> _Asset:
    suffix = name[name.rfind(".") :]
    mimetype = _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    return _Asset(body, mimetype, hashlib.sha256(body).hexdigest()[:20])


def _load() -> tuple[str, dict[str, _Asset]]:
    folder = resources.files(__name__)
    assets = {f.name: _asset(f.name, f.read_bytes()) for f in folder.iterdir() if f.name.endswith(_SERVED)}
    return folder.joinpath("index.html").read_text("utf-8"), assets


def _answer(asset: _Asset) -> Response:
    answer = Response(asset.body, content_type=asset.mimetype, headers=_HEADERS)
    answer.set_etag(asset.etag)
    answer.make_conditional(request)  # turns into a 304 in place
    return answer


def _relative_base(path: str) -> str:
    """The way from the address asked for to the folder of the page: "" at `/shop/`, "shop/" at `/shop`."""
    return "" if path.endswith("/") else path.rsplit("/", 1)[-1] + "/"


def blueprint(docs: str | None = "docs") -> Blueprint:
    """The page's routes, for the base path; `docs` is the API page's path below it, None without one."""
    html, assets = _load()
    ui = Blueprint("ui", __name__)
    docs_hidden = "" if docs else "hidden"

    def page() -> Response:
        base = _relative_base(request.path)
        text = html.replace("{{base}}", base).replace("{{docs}}", (docs or "").lstrip("/"))
        return _answer(_asset(".html", text.replace("{{docs-hidden}}", docs_hidden).encode()))

    def static(name: str) -> Response:
        return _answer(assets[name]) if name in assets else abort(404)

    ui.add_url_rule("", "page", page)
    ui.add_url_rule("/", "page_slash", page)
    ui.add_url_rule("/ui/<name>", "static", static)
    return ui
