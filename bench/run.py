"""`make bench`: speed as ratios, each against a peer in the same run. Results go to the terminal and to a JSON file.

(a) acked POST /buy, with each Kafka client, against a bare Flask view in the same gunicorn; (b) the consumer draining
events against a raw loop of fetch and insert_many; (c) a page at depth 10,000 against the first page; (d) to (f)
analytics: the current hour against a bare view, POST /analytics against POST /buy, a batch added up against one update
an event; (g) to (i) the catalog: cached product reads against uncached, review events against purchases, events of one
hot product against spread ones; (j) acked POST /buy where callers are asked who they are, and where Kafka asks as
well; and resident memory under load.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import analytics
import callers
import catalog
import drain
import load
import pages
from memory import resident
from servers import serving
from shop import BASE, OFFSET, PREFIX, ROOT, shop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="events of the drain")
    parser.add_argument("--seconds", type=float, default=15, help="seconds of each HTTP load")
    parser.add_argument("--out", type=Path, default=ROOT / ".shop" / "bench.json")
    options = parser.parse_args()
    results: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    }
    with shop() as state:
        results["buy"] = say("acked POST /buy against a bare view", http(options.seconds, state))
        results["drain"] = say("drain against fetch + insert_many", drain.measure(state, options.events))
        with bare_views() as bare:
            name = "analytics: current hour against a bare view, POST against POST /buy"
            results["analytics"] = say(name, analytics.http(options.seconds, BASE, f"http://{bare}/analytics"))
        with tempfile.TemporaryDirectory(prefix="shop-bench-") as folder:
            asked = callers.measure(options.seconds, 8080 + OFFSET + 60, PREFIX, Path(folder))
        results["callers"] = say("acked POST /buy by callers who are asked, against AUTH_MODE=none", asked)
        database = next(p["address"] for p in state["processes"] if p["name"] == "database")
        results["counting"] = say("aggregated against one by one", analytics.writes(database, options.events // 20))
        rate = results["drain"]["consumer/s"]
        results["catalog"] = say("catalog", catalog.measure(state, options.events // 10, options.seconds, rate))
        results["pages"] = say("page at depth 10,000 against the first", pages.measure(state, BASE))
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(results, indent=2))


def http(seconds: float, state: dict[str, Any]) -> dict[str, Any]:
    """Each load twice in turn; the better of each, so that one disturbance doesn't decide."""
    port = 8080 + OFFSET + 51
    python = {"HTTP_PORT": str(port), "KAFKA_CLIENT": "python"}
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{9092 + OFFSET}"}
    with bare_views() as bare, serving([sys.executable, "-m", "cm_server"], port, **python, **kafka) as other:
        urls = {"bare": f"http://{bare}/buy", "acked": f"{BASE}/buy", "acked python": f"http://{other}{PREFIX}/buy"}
        rates = dict.fromkeys(urls, 0.0)
        failed = 0
        for name in (*urls, *urls):
            done = load.closed_loop(urls[name], 32, seconds)
            rates[name], failed = max(rates[name], done.rate), failed + done.bad
        memory = {"cm-server": resident(pid_of(state, "cm-server"))}
    return {
        **rates,
        "failed": failed,
        "ratio": rates["acked"] / rates["bare"],
        "ratio python": rates["acked python"] / rates["bare"],
        "resident MiB": memory,
    }


def bare_views() -> AbstractContextManager[str]:
    """The address of views that do nothing."""
    port = 8080 + OFFSET + 50
    return serving([sys.executable, str(ROOT / "bench" / "bare.py")], port, HTTP_PORT=str(port))


def pid_of(state: dict[str, Any], name: str) -> int:
    return int(next(process["pid"] for process in state["processes"] if process["name"] == name))


def say(what: str, result: dict[str, Any]) -> dict[str, Any]:
    print(f"{what}: {json.dumps(result)}", flush=True)
    return result


if __name__ == "__main__":
    main()
