"""What an alert is: a rule of Prometheus, and the page for whoever it wakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Alert:
    """`expr` is true while something is wrong, `after` how long that may last before somebody is told."""

    name: str
    severity: Literal["critical", "warning"]
    expr: str
    after: str
    summary: str
    meaning: str
    look: tuple[str, ...]
    act: tuple[str, ...]

    @property
    def runbook(self) -> str:
        """The page's path in docs/, where the site and the table have it."""
        return f"how-to/runbooks/{self.name}.md"

    def rule(self) -> dict[str, Any]:
        """As Prometheus has it in a file of rules."""
        return {
            "alert": self.name,
            "expr": self.expr,
            **({"for": self.after} if self.after else {}),
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "runbook": f"docs/{self.runbook}"},
        }

    def page(self) -> str:
        """Its runbook."""
        lasts = f"for {self.after}" if self.after else "at once"
        return "\n".join(
            [
                f"# {self.name}",
                "<!-- made by scripts/monitoring.py from monitoring/src/shop_monitoring -->",
                f"{self.meaning}\n",
                f"Severity {self.severity}; {lasts}:\n```promql\n{self.expr}\n```\n",
                "## Look at",
                *(f"- {each}" for each in self.look),
                "\n## Do",
                *(f"{number}. {each}" for number, each in enumerate(self.act, 1)),
                "\nAll alerts: [the table](../../reference/alerts.md).\n",
            ]
        )
