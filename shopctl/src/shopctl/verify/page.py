"""An outcome as one page of HTML: no script, nothing from elsewhere, light or dark as its reader has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from shopctl.terminal import escaped
from shopctl.verify.outcome import Judged, Outcome, Second

COLUMNS = 240  # of the plot: more seconds share one
HEIGHT = 80
TITLES = {"log": "The log and what is stored", "live": "Canaries through the door"}
STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1d2429; --soft: #5b666e; --line: #d5dbdf; --panel: #f5f7f8;
  --good: #0a6b4f; --bad: #b3261e; --none: #7a5200; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14191d; --ink: #e6eaed; --soft: #a2adb5; --line: #38424a; --panel: #1d242a;
    --good: #5fd3a8; --bad: #ff9a8f; --none: #f0c36d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1rem 4rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.verdict { border-left: .4rem solid var(--tone); background: var(--panel); padding: 1rem; margin: 1.5rem 0; }
.verdict strong { color: var(--tone); font-size: 1.4rem; line-height: 1.3; }
.well { --tone: var(--good); } .faults { --tone: var(--bad); } .none { --tone: var(--none); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .75rem; padding: 0; }
.tiles li { list-style: none; background: var(--panel); border: 1px solid var(--line); border-radius: .4rem;
  padding: .75rem; }
.tiles b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles .faults b { color: var(--bad); } .tiles span { color: var(--soft); font-size: .85rem; display: block; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .5rem; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; } th { width: 11rem; font-weight: 600; }
ul.lines { padding-left: 1.1rem; margin: .25rem 0; } ul.lines li { overflow-wrap: anywhere; }
svg { width: 100%; background: var(--panel); border: 1px solid var(--line); border-radius: .4rem; display: block; }
.key { display: flex; gap: 1.25rem; flex-wrap: wrap; } .key i { display: inline-block; width: .8rem; height: .8rem; }
.a { fill: var(--good); background: var(--good); } .b { fill: var(--bad); background: var(--bad); }
@media print { body { max-width: none; } }
"""
_TONES = {"all well": "well", "faults": "faults", "no verdict": "none", "interrupted": "none"}


def page_of(outcome: Outcome) -> str:
    title = f"{TITLES[outcome.what]}: {outcome.state}"
    return "\n".join([
        "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{_text(title)}</title>", f"<style>{STYLE}</style>", "</head>", "<body>", "<main>",
        f"<h1>{_text(TITLES[outcome.what])}</h1>",
        f'<p class="soft">shopctl verify {outcome.what}, on {_text(outcome.on)}, {_text(outcome.at)}</p>',
        f'<p class="verdict {_TONES[outcome.state]}"><strong>{_text(outcome.sentence)}</strong></p>',
        *_tiles(outcome), *_lines(outcome.judged), *_plot(outcome.seconds), *_facts(outcome), *_notes(outcome.notes),
        "</main>", "</body>", "</html>", "",
    ])  # fmt: skip


def _tiles(outcome: Outcome) -> Iterator[str]:
    if outcome.state in ("no verdict", "interrupted"):
        return
    yield '<ul class="tiles">'
    for each in outcome.judged:
        tone = ' class="faults"' if each.number else ""
        yield f"<li{tone}><b>{each.number:,}</b>{_text(each.name)}<span>{_text(each.meaning)}</span></li>"
    yield "</ul>"


def _plot(seconds: Sequence[Second]) -> Iterator[str]:
    """Answers by second, those that were not well on top; its table is in the words below it."""
    if not seconds:
        return
    width = -(-len(seconds) // COLUMNS)
    columns = [seconds[start : start + width] for start in range(0, len(seconds), width)]
    most = max(1, *(sum(each.well + each.other for each in column) for column in columns))
    well, other = sum(each.well for each in seconds), sum(each.other for each in seconds)
    slowest = max(each.slowest for each in seconds)
    told = f"{well:,} attempts were answered well, {other:,} otherwise or not at all; the slowest took {slowest:.1f} s."
    yield f'<h2>Attempts by time</h2>\n<svg viewBox="0 0 {len(columns) * 4} {HEIGHT}" role="img" ' \
          f'preserveAspectRatio="none" height="{HEIGHT * 2}" aria-label="{_text(told)}">'  # fmt: skip
    for number, column in enumerate(columns):
        top = float(HEIGHT)
        for tone, count in (("a", sum(each.well for each in column)), ("b", sum(each.other for each in column))):
            if count:
                high = max(1.0, (HEIGHT - 4) * count / most)
                top -= high
                yield f'<rect class="{tone}" x="{number * 4 + 0.4}" y="{top:.1f}" width="3.2" height="{high:.1f}"/>'
    yield "</svg>"
    yield (
        '<p class="key soft"><span><i class="a"></i> answered well</span>'
        '<span><i class="b"></i> otherwise, or not at all</span>'
        f"<span>{len(seconds):,} s, a column is {width} s</span></p><p>{_text(told)}</p>"
    )


def _facts(outcome: Outcome) -> Iterator[str]:
    if outcome.facts:
        yield "<h2>What was looked at</h2>\n<table>"
        yield from (
            f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>' for name, value in outcome.facts
        )
        yield "</table>"


def _lines(judged: Sequence[Judged]) -> Iterator[str]:
    for each in judged:
        if each.lines:
            yield f'<h2>{_text(each.name)}</h2>\n<ul class="lines">'
            yield from (f"<li>{_text(line)}</li>" for line in each.lines)
            yield "</ul>"
            if each.number > len(each.lines):
                yield f"<p>and {each.number - len(each.lines):,} more</p>"


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield '<h2>Notes</h2>\n<ul class="lines">'
        yield from (f"<li>{_text(note)}</li>" for note in notes)
        yield "</ul>"


def _text(words: str) -> str:
    return escape(escaped(words))
