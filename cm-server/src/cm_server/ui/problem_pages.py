"""What people read of problems: the page that a problem's `type` names, and the one in place of a missing page."""

from __future__ import annotations

from http import HTTPStatus

from markupsafe import Markup, escape

from cm_server.ui.frame import PAGES
from shop_core.http.problem_types import TYPES, ProblemType

_MAIN = Markup(
    '<main id="main" tabindex="-1">\n  <div class="intro">\n    <h1>{title}</h1>\n    <p>{lead}</p>\n'
    "  </div>\n{rest}</main>\n"
)
_TABLE = Markup(
    '  <div class="card scrolls" role="region" aria-label="Kinds of problems" tabindex="0"><table>\n    <thead><tr>'
    '<th scope="col">Status</th><th scope="col">When</th><th scope="col">What to do</th></tr></thead>\n    <tbody>'
    "{rows}</tbody>\n  </table></div>\n"
)
_CARD = Markup('  <section class="card prose-card">\n{parts}  </section>\n')
_PART = Markup("    <h2>{title}</h2>\n    <p>{text}</p>\n")


def explained(name: str) -> Markup | None:
    """The page of one kind of problem, of all where `name` is empty; None where there is no such kind."""
    if not name:
        lead = "An error is answered as JSON (RFC 9457). Its type is the address of one of these pages."
        return _MAIN.format(title="Problems", lead=lead, rest=_TABLE.format(rows=Markup("").join(map(_row, TYPES))))
    status = next((status for status, kind in TYPES.items() if kind.name == name), None)
    if status is None:
        return None
    kind = TYPES[status]
    parts = [
        _PART.format(title="When", text=_marked(kind.when)),
        _PART.format(title="What to do", text=_marked(kind.remedy)),
    ]
    more = Markup('    <p class="back-to"><a href="./">All problems</a></p>\n')
    lead = Markup(
        "The answer's <code>detail</code> tells of the one at hand, <code>requestId</code> finds it in the log."
    )
    return _MAIN.format(
        title=f"{status} {_title(kind)}", lead=lead, rest=_CARD.format(parts=Markup("").join([*parts, more]))
    )


def failed(status: int, detail: str, meant: str | None, base: str, prefix: str) -> Markup:
    """In place of a page: what is wrong, the address that was meant, and the pages there are."""
    home = base or "./"
    ways = [Markup('<li><a href="{}{}">{}</a></li>').format(home, name, page.title) for name, page in PAGES.items()]
    parts = [Markup("    <p>{}</p>\n").format(_nearest(meant, home, prefix))] if meant else []
    parts.append(Markup('    <h2>Where to go</h2>\n    <ul class="ways">{}</ul>\n').format(Markup("").join(ways)))
    title = "There is no such page" if status == HTTPStatus.NOT_FOUND else HTTPStatus(status).phrase
    return _MAIN.format(title=title, lead=detail, rest=_CARD.format(parts=Markup("").join(parts)))


def _nearest(meant: str, home: str, prefix: str) -> Markup:
    method, _, route = meant.partition(" ")
    if method == "GET" and route.startswith(f"{prefix}/") and "{" not in route:
        return Markup('Perhaps you meant <a href="{}{}">{}</a>.').format(home, route[len(prefix) + 1 :], route)
    return Markup("The nearest is <code>{} {}</code>.").format(method, route)


def _row(status: int) -> Markup:
    kind = TYPES[status]
    link = Markup('<a href="problems/{}">{} {}</a>').format(kind.name, status, _title(kind))
    return Markup('<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>').format(
        link, _marked(kind.when), _marked(kind.remedy)
    )


def _title(kind: ProblemType) -> str:
    return kind.name.replace("-", " ").capitalize().replace("Uri", "URI")


def _marked(text: str) -> Markup:
    """A sentence, with what stands between backticks shown as code."""
    parts = (text[:1].upper() + text[1:] + ".").split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )
