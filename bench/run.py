"""`make bench`: speed as ratios, each against a peer in the same run. Results go to the terminal and to a JSON file.

(a) acked POST /buy, with each Kafka client, against a bare Flask view in the same gunicorn; (b) the consumer draining
events against a raw loop of fetch and insert_many; (c) a page at depth 10,000 against the first page; (d) to (f)
analytics: the current hour against a bare view, POST /analytics against POST /buy, a batch added up against one update
an event; acked POST /buy by callers who are asked who they are; and resident memory under load.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import analytics
import callers
import drain
import load
import pages
from memory import resident

ROOT = Path(__file__).resolve().parent.parent
OFFSET = 300
PREFIX = "/scalable-shop-cm-server"
BASE = f"http://127.0.0.1:{8080 + OFFSET}{PREFIX}"
SHOPCTL = [str(Path(sys.executable).parent / "shopctl")]


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
            results["analytics"] = say(name, analytics.http(options.seconds, BASE, f"{bare}/analytics"))
        kafka = {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{9092 + OFFSET}"}
        with tempfile.TemporaryDirectory(prefix="shop-bench-") as folder:
            asked = callers.measure(
                options.seconds, 8080 + OFFSET + 52, PREFIX, Path(folder), partial(serving, **kafka)
            )
        results["callers"] = say("acked POST /buy with a key, with a token, against AUTH_MODE=none", asked)
        database = next(p["address"] for p in state["processes"] if p["name"] == "database")
        results["counting"] = say("aggregated against one by one", analytics.writes(database, options.events // 20))
        results["pages"] = say("page at depth 10,000 against the first", pages.measure(state, BASE))
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(results, indent=2))


@contextmanager
def shop() -> Iterator[dict[str, Any]]:
    """A platform of its own on shifted ports, thrown away at the end."""
    with tempfile.TemporaryDirectory(prefix="shop-bench-") as folder:
        chosen = ["--state-dir", folder]
        subprocess.run(
            [*SHOPCTL, "up", "--detach", "--fresh", "--offset", str(OFFSET), "--consumers", "purchases=0", *chosen],
            check=True,
        )
        try:
            answer = subprocess.run([*SHOPCTL, "status", "--json", *chosen], check=True, capture_output=True)
            yield json.loads(answer.stdout)
        finally:
            subprocess.run([*SHOPCTL, "down", *chosen], check=True)


def http(seconds: float, state: dict[str, Any]) -> dict[str, Any]:
    """Each load twice in turn; the better of each, so that one disturbance doesn't decide."""
    native = {"HTTP_PORT": str(8080 + OFFSET + 51), "KAFKA_CLIENT": "native"}
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{9092 + OFFSET}"}
    with (
        bare_views() as bare,
        serving("-m", "cm_server", **native, **kafka) as fast,
    ):
        urls = {"bare": f"{bare}/buy", "acked": f"{BASE}/buy", "acked native": f"{fast}{PREFIX}/buy"}
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
        "ratio native": rates["acked native"] / rates["bare"],
        "resident MiB": memory,
    }


def bare_views() -> AbstractContextManager[str]:
    """The address of views that do nothing."""
    return serving(str(ROOT / "bench" / "bare.py"), HTTP_PORT=str(8080 + OFFSET + 50))


@contextmanager
def serving(*command: str, **settings: str) -> Iterator[str]:
    """The base URL of a server started for the bench; it is stopped at the end."""
    server = subprocess.Popen([sys.executable, *command], env=os.environ | settings, stderr=subprocess.DEVNULL)
    try:
        await_port(int(settings["HTTP_PORT"]))
        yield f"http://127.0.0.1:{settings['HTTP_PORT']}"
    finally:
        server.terminate()
        server.wait()


def pid_of(state: dict[str, Any], name: str) -> int:
    return int(next(process["pid"] for process in state["processes"] if process["name"] == name))


def await_port(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")


def say(what: str, result: dict[str, Any]) -> dict[str, Any]:
    print(f"{what}: {json.dumps(result)}", flush=True)
    return result


if __name__ == "__main__":
    main()
