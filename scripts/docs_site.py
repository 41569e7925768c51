"""MkDocs' hook (mkdocs.yml): what the site has besides the pages of docs/.

Pages of the repository outside docs/ come in below `repository/`, links between the two are led there, and what is no
page (a values.yaml, a folder) is named by its path. The navigation is docs/README.md: a heading is a section.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
OUTSIDE = "repository/"
PAGES = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
    *(f"{part}/README.md" for part in ("kafka", "mongodb", "keda", "ingress", "gitops", "operator")),
    *(f"charts/{chart}/README.md" for chart in ("scalable-shop", "shop-operator", "kafka", "mongodb")),
    "tests/cluster/README.md",
)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def on_config(config: Any) -> Any:
    """The navigation, so that it is written once."""
    index = (DOCS / "README.md").read_text()
    sections: list[Any] = ["README.md"]
    for section in re.split(r"^## ", index, flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        pages = [target for _, _, target, _ in LINK.findall(body) if not target.startswith("..")]
        sections.append({title: pages})
    decisions = sorted(path.name for path in (DOCS / "decisions").glob("[0-9]*.md"))
    sections.append({"Decisions": ["decisions/README.md", *(f"decisions/{name}" for name in decisions)]})
    runbooks = sorted(path.name for path in (DOCS / "how-to" / "runbooks").glob("*.md"))
    sections.append({"Runbooks": [f"how-to/runbooks/{name}" for name in runbooks]})
    config.nav = [*sections, {"Repository": [OUTSIDE + page for page in PAGES]}]
    return config


def on_files(files: Files, config: Any) -> Files:
    """The pages from outside docs/."""
    for page in PAGES:
        files.append(File.generated(config, OUTSIDE + page, content=(ROOT / page).read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links as they hold in the site; code is left as it is."""
    source = page.file.src_uri
    parts, done = [], 0
    for fence in FENCE.finditer(markdown):
        parts += [_led(markdown[done : fence.start()], source), fence.group()]
        done = fence.end()
    return "".join([*parts, _led(markdown[done:], source)])


def _led(text: str, source: str) -> str:
    here = source.removeprefix(OUTSIDE) if source.startswith(OUTSIDE) else f"docs/{source}"

    def led(link: re.Match[str]) -> str:
        mark, words, target, anchor = link.groups()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        if path.startswith("docs/"):
            there = path.removeprefix("docs/")
        elif path in PAGES:
            there = OUTSIDE + path
        else:
            return f"{words} (`{path}`)" if words.strip("`") != path else f"`{path}`"
        return f"{mark}[{words}]({posixpath.relpath(there, posixpath.dirname(source) or '.')}{anchor or ''})"

    return LINK.sub(led, text)
