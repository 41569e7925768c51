"""The sequence diagrams: each is Mermaid that can be drawn, without help from elsewhere, and nothing of it is lost."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from cm_server.api_docs.openapi import operations
from shop_security.scripts import script

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "concepts" / "sequences.md").read_text()
FENCES = re.findall(r"^## ([^\n]+)\n```mermaid\n(.*?)^```$", PAGE, re.M | re.S)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    return script("sequence_pictures")


def test_each_wanted_sequence_has_its_diagram() -> None:
    assert [title for title, _ in FENCES] == [
        "A purchase", "A new product", "A review is added", "A review is changed", "A review is deleted", "An erasure",
    ]  # fmt: skip
    assert PAGE.count("```mermaid") == len(FENCES)


@pytest.mark.parametrize(("title", "text"), FENCES, ids=[title for title, _ in FENCES])
def test_a_picture_has_every_word_of_its_text_inside_its_borders(pictures: ModuleType, title: str, text: str) -> None:
    svg = ElementTree.fromstring(pictures.picture(text))
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    drawn = [element for element in svg.iter(f"{SVG}text") if element.text]
    said = re.findall(r"(?: as |: |^\s+(?:alt|opt|loop|par|else|and) )(.+)", text, re.M)
    shown = " ".join(str(element.text) for element in drawn)
    for words in said:
        for line in re.split(r"<br/>", words):
            assert line in shown, line
    for element in drawn:
        x, y, length = float(element.attrib["x"]), float(element.attrib["y"]), 6.4 * len(str(element.text))
        left = x - (length / 2 if element.attrib["text-anchor"] == "middle" else 0)
        assert left >= 0 and left + length <= width and 0 < y < height, element.text


def test_columns_are_as_far_apart_as_what_is_said_between_them(pictures: ModuleType) -> None:
    long = "x" * 60
    names = "".join(f" participant {name}\n" for name in "ABC")
    text = f"sequenceDiagram\n{names} A->>B: {long}\n A->>C: {long}\n C->>C: {long}"
    svg = ElementTree.fromstring(pictures.picture(text))
    a, b, c = (float(line.attrib["x1"]) for line in svg.iter(f"{SVG}line") if line.attrib.get("class") == "life")
    assert b - a > 60 * 6.4 and c - b < 60 * 6.4
    assert float(svg.attrib["viewBox"].split()[2]) > c + 60 * 6.4


def test_every_address_in_a_diagram_is_a_route() -> None:
    routes = {f"{each.method.upper()} {each.path}" for each in operations()}
    asked = set(re.findall(r"C->>S: ([A-Z]+ /[\w/{}-]+)", PAGE))
    assert len(asked) == 7 and asked <= routes


@pytest.mark.parametrize(
    ("line", "said"),
    [("A->>C: hello", "line 3: no participant C"), ("A=>A: hello", "line 3: 'A=>A: hello' is not known here"),
     ("end", "line 3: end of nothing"), ("alt it is", "a block without its end")],
)  # fmt: skip
def test_what_cannot_be_drawn_is_named(pictures: ModuleType, line: str, said: str) -> None:
    with pytest.raises(pictures.BadDiagram, match=re.escape(said)):
        pictures.picture(f"sequenceDiagram\n    participant A\n    {line}\n")


def test_other_code_stays_code_and_nothing_comes_from_elsewhere(pictures: ModuleType) -> None:
    other = "```text\nA->>B: c\n```\n"
    page = pictures.on_page_markdown(PAGE + other, page=None)
    assert page.endswith(other) and "```mermaid" not in page and page.count("<svg ") == len(FENCES)
    assert re.findall(r"<script|href=|src=|url\(|@import", page) == []
    assert set(re.findall(r"https?://[^\"]+", page)) == {"http://www.w3.org/2000/svg"}
