"""The frame around each page (`frame.html`): navigation, files and the way to the base address."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from markupsafe import Markup, escape

from cm_server.ui.assets import Assets

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Page:
    """What stands in the frame around a page's own part."""

    title: str
    description: str
    script: str


# In the order of the navigation, by where each is below the base address; one below another is reached from there.
PAGES = {
    "": Page("Purchases", "Make a purchase, watch it being stored, and look up what a user bought.", "purchases.js"),
    "catalog": Page("Catalog", "Products, what customers say of them, and ratings that are exact.", "catalog.js"),
    "campaigns": Page(
        "Campaigns", "Which campaigns are live, and what visitors did in the last 48 hours.", "campaigns.js"
    ),
    "ops": Page("Operations", "What comes in, what is stored, what waits, and who works on it.", "ops.js"),
    "ops/dead-letters": Page(
        "Dead letters", "Events that were refused: mend one and send it again, or put it aside.", "dead-letters.js"
    ),
    "ops/trace": Page("Follow one event", "From the request that made it to the database.", "trace.js"),
}


class Frame:
    """Makes whole pages of their parts; `docs` is the API page's path, None without one."""

    def __init__(self, assets: Assets, docs: str | None) -> None:
        folder = resources.files(__package__ or __name__)
        self._frame = folder.joinpath("frame.html").read_text("utf-8")
        self._parts = {name: folder.joinpath(_file_of(name)).read_text("utf-8") for name in PAGES}
        self._assets = assets
        self._docs = docs

    def page(self, name: str, base: str) -> bytes:
        page = PAGES[name]
        files = f"{base}ui/{self._assets.version}/"
        links = [f'<link rel="modulepreload" href="{files}{each}">' for each in self._assets.modules(page.script)]
        links.append(f'<script type="module" src="{files}{page.script}"></script>')
        main = self._parts[name]
        for place, address in (("files", files), ("home", base or "./"), ("base", base)):
            main = main.replace("{{" + place + "}}", address)
        return self._filled(base, page.title, page.description, "\n  ".join(links), main, name)

    def around(self, main: Markup, title: str, base: str) -> bytes:
        """A page without script; `main` is markup."""
        return self._filled(base, title, title, "", main)

    def _filled(
        self, base: str, title: str, description: str, scripts: str, main: str, here: str | None = None
    ) -> bytes:
        text = self._frame.replace("{{files}}", f"{base}ui/{self._assets.version}/").replace("{{home}}", base or "./")
        text = text.replace("{{nav}}", self._navigation(base, here))
        for name, part in (("title", escape(title)), ("description", escape(description)), ("scripts", scripts)):
            text = text.replace("{{" + name + "}}", part)
        # The last, since what a caller sent may stand in it.
        return text.replace("{{main}}", main).encode()

    def _navigation(self, base: str, here: str | None) -> str:
        """Links to every page and to the API reference, where there is one."""
        current = {here: ' aria-current="page"'}
        if here and "/" in here:
            current[here.partition("/")[0]] = ' aria-current="true"'
        home = base or "./"
        pages = [
            f'<a href="{home}{name}"{current.get(name, "")}>{page.title}</a>'
            for name, page in PAGES.items()
            if "/" not in name
        ]
        if self._docs:
            pages.append(f'<a href="{base}{self._docs.lstrip("/")}">API reference</a>')
        return "\n    ".join(pages)


def _file_of(name: str) -> str:
    return f"{name.rpartition('/')[2] or 'index'}.html"


def base_of(path: str, prefix: str) -> str:
    """The way from the address asked for to the base, relative: a proxy may have put both below another folder.

    "" at `/shop/` and `/shop/page`, "shop/" at `/shop`, "../" at `/shop/page/` and `/shop/page/part`.
    """
    if path.startswith(f"{prefix}/"):
        return "../" * (path[len(prefix) :].count("/") - 1)
    return "../" * max(0, path.count("/") - 1) + prefix.lstrip("/") + "/"
