"""What the check of one domain came to."""

from __future__ import annotations

from dataclasses import dataclass, field

from cm_api.audit import FAULTS, Finding

LINES = 200  # of each fault; the others are counted


@dataclass
class Verdict:
    """What a check came to."""

    domain: str
    events: dict[str, int] = field(default_factory=dict)
    compared: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAULTS, 0))
    lines: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    read: int = 0
    waiting: int = 0
    seconds: float = 0.0

    def add(self, finding: Finding) -> None:
        self.faults[finding.kind] += 1
        if self.faults[finding.kind] <= LINES:
            self.lines.append(finding)
