"""Expressions of PromQL taken apart: which metrics they ask for, and which labels they name. For the tests."""

from __future__ import annotations

from dataclasses import dataclass, field

import promql_parser as promql

GRAFANA = {"$__rate_interval": "1m", "$namespace": ".*"}
"""What Grafana puts in the place of its variables."""


@dataclass
class Asked:
    """Of one expression: labels by metric, and those that are grouped or joined by."""

    metrics: dict[str, set[str]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)


def plain(expr: str) -> str:
    """As Prometheus gets it from Grafana."""
    for variable, value in GRAFANA.items():
        expr = expr.replace(variable, value)
    return expr


def asked(expr: str) -> Asked:
    """A `ValueError` where it is no PromQL."""
    found = Asked()

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            matched = {matcher.name for matcher in node.matchers.matchers}
            found.metrics.setdefault(str(node.name), set()).update(matched)
        elif isinstance(node, promql.AggregateExpr) and node.modifier:
            found.labels.update(node.modifier.labels)
        elif isinstance(node, promql.BinaryExpr) and node.modifier and node.modifier.matching:
            found.labels.update(node.modifier.matching.labels)

    promql.walk(promql.parse(plain(expr)), visit)
    return found
