"""Writes the alerts and dashboards that the charts bring, their runbooks, and the tables of metrics and alerts.

From the data in monitoring/src/shop_monitoring; what that does not name any more is removed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "monitoring" / "src"))

from shop_monitoring import files


def main() -> None:
    for path in files.leftovers():
        path.unlink()
    for path, text in files.wanted().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
