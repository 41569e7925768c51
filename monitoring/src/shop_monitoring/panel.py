"""A dashboard and its panels, and how Grafana has them: the classic JSON model, which any Grafana since 9 imports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

WIDTH, COLUMNS, HEIGHT = 8, 24, 8
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
NAMESPACE = 'namespace=~"$namespace"'
"""Where there is no such label, as outside a cluster, the choice of all fits as well."""


@dataclass(frozen=True)
class Query:
    """`legend` names a series by its labels: {{topic}}."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """`quiet`: it shows nothing while all is well."""

    title: str
    about: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: Literal["timeseries", "stat"] = "timeseries"
    quiet: bool = False


@dataclass(frozen=True)
class Dashboard:
    """Rows of panels, by the row's title. `uid` is its address in Grafana."""

    uid: str
    title: str
    about: str
    namespaces: str
    rows: Mapping[str, Sequence[Panel]]

    def panels(self) -> Iterable[Panel]:
        return (panel for panels in self.rows.values() for panel in panels)

    def grafana(self) -> dict[str, Any]:
        """Its JSON."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.about,
            "tags": ["scalable-shop"],
            "schemaVersion": 39,
            "editable": True,
            "refresh": "30s",
            "time": {"from": "now-1h", "to": "now"},
            "templating": {"list": [_source(), _namespaces(self.namespaces)]},
            "links": [
                {
                    "title": "scalable-shop",
                    "type": "dashboards",
                    "tags": ["scalable-shop"],
                    "asDropdown": True,
                    "keepTime": True,
                }
            ],
            "panels": _placed(self.rows),
        }


def selector(metric: str, **match: str) -> str:
    """A metric of the namespaces that are chosen; `match` are labels that must be equal."""
    chosen = [NAMESPACE, *(f'{name}="{value}"' for name, value in match.items())]
    return f"{metric}{{{', '.join(chosen)}}}"


def rate(metric: str, *by: str, **match: str) -> str:
    """What a counter grows by in a second."""
    return f"sum by ({', '.join(by)}) (rate({selector(metric, **match)}[$__rate_interval]))"


def gauge(how: Literal["sum", "max", "min"], metric: str, *by: str, **match: str) -> str:
    return f"{how} by ({', '.join(by)}) ({selector(metric, **match)})"


def quantile(share: float, histogram: str, *by: str) -> str:
    """Of the observations, the value that this share stays below."""
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', *by, 'le')})"


def average(histogram: str, *by: str) -> str:
    return f"{rate(f'{histogram}_sum', *by)} / {rate(f'{histogram}_count', *by)}"


def _placed(rows: Mapping[str, Sequence[Panel]]) -> list[dict[str, Any]]:
    """Rows below each other, in each the panels from left to right."""
    made: list[dict[str, Any]] = []
    top = 0
    for title, panels in rows.items():
        made.append(
            {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": _at(COLUMNS, 1, 0, top)}
        )
        for place, panel in enumerate(panels):
            across, down = place % (COLUMNS // WIDTH), place // (COLUMNS // WIDTH)
            made.append(_panel(panel) | {"gridPos": _at(WIDTH, HEIGHT, across * WIDTH, top + 1 + down * HEIGHT)})
        top += 1 + HEIGHT * -(-len(panels) // (COLUMNS // WIDTH))
    return [panel | {"id": number} for number, panel in enumerate(made, 1)]


def _at(width: int, height: int, x: int, y: int) -> dict[str, int]:
    return {"w": width, "h": height, "x": x, "y": y}


def _panel(panel: Panel) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": query.expr, "legendFormat": query.legend}
        for number, query in enumerate(panel.queries)
    ]
    options: dict[str, Any] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    if panel.kind == "timeseries":
        options = {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "noValue": "none"}, "overrides": []},
        "options": options,
    }


def _source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _namespaces(metric: str) -> dict[str, Any]:
    return {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": f"label_values({metric}, namespace)", "refId": "namespaces"},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }
