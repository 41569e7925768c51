"""Links between pages, and names of pages elsewhere, lead somewhere; the index of decisions is whole; README short."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Their pages are named by an index of their own: decisions/README.md, reference/alerts.md.
INDEXED = ("decisions", "runbooks")
PAGE = re.compile(r"(?<![\w/.])docs/[\w/-]+\.md")


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_the_index_of_decisions_names_each_with_its_title() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    titles = [path.read_text().partition("\n")[0].removeprefix("# ") for path in pages]
    rows = [f"| [{page.name[:4]}]({page.name}) | {title} |" for page, title in zip(pages, titles, strict=True)]
    assert [line for line in (folder / "README.md").read_text().splitlines() if line.startswith("| [")] == rows


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, those that are new and not ignored too."""
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in told.stdout.splitlines() if (path := ROOT / line).is_file()]


def anchors(page: Path) -> set[str]:
    """What `#…` may name in a page: its headings, as GitHub and MkDocs write them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in re.findall(r"^#+ (.+)$", text, re.M))
    return {heading.strip().replace(" ", "-") for heading in headings}


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = tracked("*.md", ":(exclude,glob)charts/*/charts/**")  # copies, whose links hold at the original's place
    broken = []
    for page in pages:
        for target, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text()):
            there = page.parent / target if target else page
            if not there.exists() or (anchor and anchor not in anchors(there)):
                broken.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert len(pages) > 40 and not broken


def test_every_page_that_a_file_names_is_there() -> None:
    """Comments, messages and help name pages by their path from the root."""
    files = [path for path in tracked() if path.suffix in {".py", ".yaml", ".tpl", ".md", ".go", ""}]
    named = {
        (name, path.relative_to(ROOT)) for path in files for name in PAGE.findall(path.read_text(errors="replace"))
    }
    assert named and not [f"{path}: {name}" for name, path in named if not (ROOT / name).exists()]


def test_the_entrance_names_every_page() -> None:
    """docs/README.md is the site's navigation as well."""
    docs = ROOT / "docs"
    named = set(re.findall(r"\]\(([^)#]+\.md)\)", (docs / "README.md").read_text()))
    pages = {str(path.relative_to(docs)) for path in tracked("docs/*.md") if path.parent.name not in INDEXED}
    assert pages - {"README.md"} == named - {"decisions/README.md"}
