"""Sequence diagrams as pictures for the site: from their Mermaid text, which Git hosts draw by themselves, to SVG.

Mermaid's own program would come from elsewhere, and the site loads nothing from elsewhere (mkdocs.yml). Known is what
docs/concepts/sequences.md needs of Mermaid; any other line is refused by its number, which fails `make docs`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Any

COLUMN, ROW, LINE, CHARACTER, MARGIN = 130, 20, 16, 6.4, 14
HEAD = 40
BLOCKS = ("alt", "opt", "loop", "par")
_PARTICIPANT = re.compile(r"(?:participant|actor) (\w+)(?: as (.+))?")
_MESSAGE = re.compile(r"(\w+)(--?)>>(\w+): (.+)")
_NOTE = re.compile(r"Note over (\w+)(?:,(\w+))?: (.+)")
_BLOCK = re.compile(r"(alt|opt|loop|par|else|and) (.+)")
_FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.M | re.S)
_BREAK = re.compile(r"<br\s*/?>")
STYLE = (
    "text{fill:currentColor;font:12px sans-serif}line,rect,path{stroke:currentColor;fill:none}"
    ".dashed{stroke-dasharray:4 3}.life{stroke-dasharray:2 4;opacity:.5}.frame{opacity:.5}.tip{fill:currentColor}"
)


class BadDiagram(ValueError):
    """A line that is none of those that are known."""


@dataclass(frozen=True)
class Step:
    """One line of the diagram. `kind` is message, answer (a dashed message), note, end, or the word that begins a part
    of a block; `first` and `last` are the columns that it is about."""

    kind: str
    text: str = ""
    first: int = 0
    last: int = 0

    @property
    def lines(self) -> list[str]:
        return _BREAK.split(self.text)

    @property
    def width(self) -> float:
        return max(map(len, self.lines)) * CHARACTER + 2 * MARGIN

    @property
    def height(self) -> int:
        extra = {"message": ROW, "answer": ROW, "note": ROW + 4}.get(self.kind, 12)
        return extra + LINE * len(self.lines) if self.kind != "end" else 12


@dataclass
class Diagram:
    """The participants by their name in the text, and what happens between them."""

    names: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def column(self, name: str) -> int:
        if name not in self.names:
            raise BadDiagram(f"no participant {name}")
        return list(self.names).index(name)


def parse(text: str) -> Diagram:
    """The diagram that the Mermaid text describes; `BadDiagram` names the line that is not known."""
    first, *lines = text.strip().splitlines()
    if first.strip() != "sequenceDiagram":
        raise BadDiagram("must begin with sequenceDiagram")
    made, depth = Diagram(), 0
    for number, line in enumerate(lines, 2):
        try:
            _read(made, line.strip())
        except BadDiagram as error:
            raise BadDiagram(f"line {number}: {error}") from None
        if not _PARTICIPANT.fullmatch(line.strip()):
            depth += (made.steps[-1].kind in BLOCKS) - (made.steps[-1].kind == "end")
        if depth < 0:
            raise BadDiagram(f"line {number}: end of nothing")
    if depth:
        raise BadDiagram("a block without its end")
    return made


def _read(made: Diagram, line: str) -> None:
    if found := _PARTICIPANT.fullmatch(line):
        made.names[found[1]] = found[2] or found[1]
    elif found := _MESSAGE.fullmatch(line):
        kind = "answer" if found[2] == "--" else "message"
        made.steps.append(Step(kind, found[4], made.column(found[1]), made.column(found[3])))
    elif found := _NOTE.fullmatch(line):
        made.steps.append(Step("note", found[3], made.column(found[1]), made.column(found[2] or found[1])))
    elif found := _BLOCK.fullmatch(line):
        made.steps.append(Step(found[1], found[2]))
    elif line == "end":
        made.steps.append(Step("end"))
    else:
        raise BadDiagram(f"{line!r} is not known here")


def picture(text: str) -> str:
    """The diagram as an SVG element, in the colour of the text around it; without line breaks, which Markdown reads."""
    diagram = parse(text)
    centres = _centres(diagram)
    width = centres[-1] + max(COLUMN / 2, *(_overhang(step, centres) for step in diagram.steps))
    height = HEAD + 10 + sum(step.height for step in diagram.steps) + HEAD
    parts = [*_lives(diagram, centres, height), *_steps(diagram.steps, centres, width)]
    label = escape(", ".join(diagram.names.values()))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Sequence diagram: {label}" '
        f'viewBox="0 0 {width:.0f} {height}" style="max-width:{width:.0f}px;width:100%"><style>{STYLE}</style>'
        + "".join(parts) + "</svg>"
    )  # fmt: skip


def _centres(diagram: Diagram) -> list[float]:
    """Where the columns are: as far apart as their names and what is said between neighbours needs."""
    names = [len(name) * CHARACTER + 2 * MARGIN for name in diagram.names.values()]
    gaps = [max(COLUMN, (left + right) / 2 + 10) for left, right in pairwise(names)]
    for step in diagram.steps:
        low, high = sorted((step.first, step.last))
        if step.kind in ("message", "answer", "note") and low < high:
            lacking = (step.width - sum(gaps[low:high])) / (high - low)
            gaps[low:high] = [gap + max(0.0, lacking) for gap in gaps[low:high]]
    centres = [max(COLUMN, names[0]) / 2 + 10]
    for gap in gaps:
        centres.append(centres[-1] + gap)
    return centres


def _overhang(step: Step, centres: Sequence[float]) -> float:
    """How far a step reaches beyond the last column: what a participant does by itself stands at its right."""
    alone = step.first == step.last and step.kind in ("message", "answer")
    beyond = step.width + 34 if alone else step.width / 2 if step.kind == "note" else 0
    return centres[step.last] + beyond - centres[-1] + 10


def _lives(diagram: Diagram, centres: Sequence[float], height: int) -> Iterator[str]:
    for x, name in zip(centres, diagram.names.values(), strict=True):
        half = max(90, len(name) * CHARACTER + 2 * MARGIN) / 2
        yield f'<line class="life" x1="{x:.0f}" y1="{HEAD}" x2="{x:.0f}" y2="{height - 10}"/>'
        yield f'<rect x="{x - half:.0f}" y="10" width="{2 * half:.0f}" height="{HEAD - 10}" rx="4"/>'
        yield _text(x, 29, [name])


def _steps(steps: Sequence[Step], centres: Sequence[float], width: float) -> Iterator[str]:
    y, open_ = HEAD + 10, list[int]()
    for step in steps:
        inset = 4 + 4 * len(open_)
        if step.kind in ("message", "answer"):
            yield from _message(step, centres, y)
        elif step.kind == "note":
            yield from _note(step, centres, y)
        elif step.kind == "end":
            top = open_.pop()
            wide = width - 2 * inset + 8
            yield f'<rect class="frame" x="{inset - 4}" y="{top}" width="{wide:.0f}" height="{y + 4 - top}"/>'
        else:
            if step.kind in ("else", "and"):
                yield f'<line class="frame dashed" x1="{inset}" y1="{y}" x2="{width - inset:.0f}" y2="{y}"/>'
            else:
                open_.append(y)
            said = [f"[{step.kind}] {step.lines[0]}", *step.lines[1:]]
            yield _text(inset + 6, y + LINE, said, "start")
        y += step.height


def _message(step: Step, centres: Sequence[float], y: int) -> Iterator[str]:
    start, end, foot = centres[step.first], centres[step.last], y + step.height - 6
    style = ' class="dashed"' if step.kind == "answer" else ""
    if step.first == step.last:
        yield f'<path{style} d="M{start:.0f} {foot - 14} h24 v14 h-20"/>{_tip(start, foot, 1)}'
        yield _text(start + 32, foot - 4 - LINE * (len(step.lines) - 1), step.lines, "start")
        return
    yield f'<line{style} x1="{start:.0f}" y1="{foot}" x2="{end:.0f}" y2="{foot}"/>'
    yield _tip(end, foot, 1 if end < start else -1)
    yield _text((start + end) / 2, foot - 6 - LINE * (len(step.lines) - 1), step.lines)


def _tip(x: float, y: int, side: int) -> str:
    return f'<path class="tip" d="M{x:.0f} {y} l{8 * side} -4 v8 z"/>'


def _note(step: Step, centres: Sequence[float], y: int) -> Iterator[str]:
    low, high = sorted((centres[step.first], centres[step.last]))
    middle, wide = (low + high) / 2, max(step.width, high - low)
    yield (
        f'<rect class="dashed" x="{middle - wide / 2:.0f}" y="{y + 4}" width="{wide:.0f}" '
        f'height="{LINE * len(step.lines) + 10}" rx="2"/>'
    )
    yield _text(middle, y + 4 + LINE, step.lines)


def _text(x: float, y: float, lines: Sequence[str], anchor: str = "middle") -> str:
    return "".join(
        f'<text x="{x:.0f}" y="{y + LINE * number:.0f}" text-anchor="{anchor}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs' hook (mkdocs.yml): a picture in place of each fence of Mermaid."""
    return _FENCE.sub(lambda fence: f'<div class="sequence">{picture(fence[1])}</div>', markdown)
