"""The pages below the base address: plain files, held in memory, sent with strict headers.

It only serves files. What a page shows comes from the public HTTP API, as for any other client, so nothing
here may know purchases, Kafka or cm-api.
"""

import hashlib
import mimetypes
from dataclasses import dataclass, fields
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


@dataclass(frozen=True)
class Page:
    """What stands in the frame (`frame.html`) around a page's own part."""

    title: str
    description: str
    script: str


# In the order of the navigation, by where each is below the base address.
PAGES = {
    "": Page("Purchases", "Make a purchase, watch it being stored, and look up what a user bought.", "purchases.js"),
    "catalog": Page("Catalog", "Products, what customers say of them, and ratings that are exact.", "catalog.js"),
    "campaigns": Page(
        "Campaigns", "Which campaigns are live, and what visitors did in the last 48 hours.", "campaigns.js"
    ),
    "ops": Page("Operations", "What comes in, what is stored, what waits, and who works on it.", "ops.js"),
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


def _load() -> tuple[dict[str, str], dict[str, _Asset]]:
    """The pages' texts by their place, and everything else by its name."""
    folder = resources.files(__name__)
    assets = {f.name: _asset(f.name, f.read_bytes()) for f in folder.iterdir() if f.name.endswith(_SERVED)}
    frame = folder.joinpath("frame.html").read_text("utf-8")
    pages = {}
    for name, page in PAGES.items():
        text = frame.replace("{{main}}", folder.joinpath(f"{name or 'index'}.html").read_text("utf-8"))
        for part in fields(page):
            text = text.replace("{{" + part.name + "}}", getattr(page, part.name))
        pages[name] = text
    return pages, assets


def _answer(asset: _Asset) -> Response:
    answer = Response(asset.body, content_type=asset.mimetype, headers=_HEADERS)
    answer.set_etag(asset.etag)
    answer.make_conditional(request)  # turns into a 304 in place
    return answer


def _relative_base(path: str, name: str) -> str:
    """The way from the address asked for to the base: "" at `/shop/` and `/shop/page`, "shop/" at `/shop`."""
    if name:
        return "../" if path.endswith("/") else ""
    return "" if path.endswith("/") else path.rsplit("/", 1)[-1] + "/"


def _navigation(base: str, here: str, docs: str | None) -> str:
    """Links to every page and to the API reference, where there is one."""
    current = {here: ' aria-current="page"'}
    home = base or "./"
    pages = [f'<a href="{home}{name}"{current.get(name, "")}>{page.title}</a>' for name, page in PAGES.items()]
    if docs:
        pages.append(f'<a href="{base}{docs.lstrip("/")}">API reference</a>')
    return "\n    ".join(pages)


def blueprint(docs: str | None = "docs") -> Blueprint:
    """The pages' routes, for the base path; `docs` is the API page's path below it, None without one."""
    pages, assets = _load()
    ui = Blueprint("ui", __name__)

    def page(name: str = "") -> Response:
        base = _relative_base(request.path, name)
        text = (
            pages[name]
            .replace("{{nav}}", _navigation(base, name, docs))
            .replace("{{home}}", base or "./")
            .replace("{{base}}", base)
        )
        return _answer(_asset(".html", text.encode()))

    def static(name: str) -> Response:
        return _answer(assets[name]) if name in assets else abort(404)

    ui.add_url_rule("", "page", page)
    ui.add_url_rule("/", "page_slash", page)
    for name in filter(None, PAGES):
        ui.add_url_rule(f"/{name}", f"page_{name}", page, defaults={"name": name})
    ui.add_url_rule("/ui/<name>", "static", static)
    return ui
