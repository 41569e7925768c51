"""Pods and delay over time, as one SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from shop_runtime.scaling.replay import Moment

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 900, 170, 64, 56, 60
_POINTS = 1200
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1b1f1d}.t{font-size:16px}.n{text-anchor:end;fill:#4d5551}"
    ".m{text-anchor:middle;fill:#4d5551}.bg{fill:#fff}.g{stroke:#d5dad6}.a{fill:none;stroke:#1d5c4a;stroke-width:2}"
    ".b{fill:none;stroke:#b4641e;stroke-width:1.6}.c{fill:none;stroke:#7a827d;stroke-width:1.4;stroke-dasharray:5 4}"
    "@media(prefers-color-scheme:dark){text{fill:#e8ece9}.n,.m{fill:#aeb6b1}.bg{fill:#101413}.g{stroke:#333a36}"
    ".a{stroke:#86d8b8}.b{stroke:#eba35f}.c{stroke:#98a09b}}"
)
Points = Sequence[tuple[float, float]]


def drawn(title: str, moments: Sequence[Moment], recorded: Points = ()) -> str:
    """The picture; `recorded` are the pods that there were."""
    span = max(1, moments[-1].at)
    shown = moments[:: max(1, len(moments) // _POINTS)]
    pods = [(moment.at, moment.asked) for moment in shown]
    ready = [(moment.at, moment.ready) for moment in shown]
    # The longest of each piece, so that no peak is lost where there are more seconds than points.
    late = [(m.at, max(each.delay for each in moments[m.at : m.at + max(1, len(moments) // _POINTS)])) for m in shown]
    lines = [("a", "asked for", _steps(pods)), ("b", "read", _steps(ready))]
    if recorded:
        lines.append(("c", "recorded", _steps([(at, count) for at, count in recorded if at <= span])))
    below = _TOP + _HEIGHT + _GAP
    body = [
        *_panel(_TOP, "pods", span, lines, whole=True),
        *_panel(below, "delay in seconds (age of the oldest event not stored)", span, [("b", "", late)], whole=False),
    ]
    width, height = _LEFT + _WIDTH + 24, below + _HEIGHT + 36
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"',
            f' aria-label="{escape(title)}">',
            f"<style>{_STYLE}</style>",
            f'<rect class="bg" width="{width}" height="{height}"/>',
            f'<text class="t" x="{_LEFT}" y="24">{escape(title)}</text>',
            *body,
            "</svg>\n",
        ]
    )


def _panel(top: float, name: str, span: float, lines: Sequence[tuple[str, str, Points]], *, whole: bool) -> list[str]:
    most = max((value for _, _, points in lines for _, value in points), default=0)
    step = _step(most, whole=whole)
    high = step * max(1, -(-most // step))
    made = [f'<text x="{_LEFT}" y="{top - 10}">{name}</text>']
    for count in range(round(high / step) + 1):
        y = top + _HEIGHT * (1 - count * step / high)
        made.append(f'<path class="g" d="M{_LEFT} {y:.1f}h{_WIDTH}"/>')
        made.append(f'<text class="n" x="{_LEFT - 8}" y="{y + 4:.1f}">{count * step:g}</text>')
    for part in range(7):
        x = _LEFT + _WIDTH * part / 6
        made.append(f'<text class="m" x="{x:.1f}" y="{top + _HEIGHT + 18}">{_clock(span * part / 6)}</text>')
    right = _LEFT + _WIDTH
    for place, (kind, label, points) in enumerate(reversed(lines)):
        marks = " ".join(
            f"{_LEFT + _WIDTH * at / span:.1f},{top + _HEIGHT * (1 - value / high):.1f}" for at, value in points
        )
        made.append(f'<polyline class="{kind}" points="{marks}"/>')
        if label:
            x = right - 110 * (place + 1)
            made.append(
                f'<path class="{kind}" d="M{x} {top - 14}h24"/><text x="{x + 30}" y="{top - 10}">{label}</text>'
            )
    return made


def _steps(points: Points) -> Points:
    """A number that holds until the next one."""
    made: list[tuple[float, float]] = []
    for at, value in points:
        if made and made[-1][1] != value:
            made.append((at, made[-1][1]))
        if not made or made[-1][1] != value or at == points[-1][0]:
            made.append((at, value))
    return made


def _step(most: float, *, whole: bool) -> float:
    """A round distance of four or so lines."""
    step = 1.0 if whole else 0.5
    for factor in (2, 2.5, 2) * 8:
        if most / step <= 5:
            break
        step *= factor
    return step


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
