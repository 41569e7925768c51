"""`make bench-peers`: acked POST /buy of cm-server beside a bare view, FastAPI + aiokafka and Express + kafkajs.

All in one run on one broker; each server alone, twice in turn, of which the better counts; so that the machine hardly
matters. It prints a table of rates and of what they cost, and the ratios of cm-server to each peer.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import wrk
from kafka.admin import KafkaAdminClient
from servers import HOST, started
from shop import OFFSET, PREFIX, ROOT, shop

CONNECTIONS = (1, 8, 32, 64)
PORT = 8080 + OFFSET + 70
PEERS = ROOT / "bench" / "peers"
TOOLS = ROOT / ".venv" / "peers"
OURS = "cm-server"


@dataclass(frozen=True)
class Server:
    """How one of them is started, what it is told, and where it takes purchases."""

    command: list[str]
    path: str = "/buy"
    settings: dict[str, str] = field(default_factory=dict)


def servers() -> dict[str, Server]:
    """Those that this machine can start."""
    python, node = sys.executable, shutil.which("node")
    uvicorn = [str(TOOLS / "bin" / "uvicorn"), "fastapi_shop:app", "--app-dir", str(PEERS), "--port", str(PORT)]
    quiet = ["--workers", "2", "--no-access-log", "--log-level", "warning"]
    found = {
        "bare view": Server([python, str(ROOT / "bench" / "bare.py")]),
        OURS: Server([python, "-m", "cm_server"], f"{PREFIX}/buy"),
        f"{OURS}, kafka-python": Server([python, "-m", "cm_server"], f"{PREFIX}/buy", {"KAFKA_CLIENT": "python"}),
        "FastAPI + aiokafka": Server([*uvicorn, *quiet]),
    }
    if node is None:
        print("Express + kafkajs is left out: install Node.js 20 or newer, then run this again.")
        return found
    modules = {"NODE_PATH": str(TOOLS / "node_modules"), "NODE_ENV": "production"}
    return found | {"Express + kafkajs": Server([node, str(PEERS / "express_shop.js")], settings=modules)}


def measure(seconds: int, bootstrap: str) -> dict[str, dict[int, wrk.Measured]]:
    """The better of two loads of each, by connections."""
    best: dict[str, dict[int, wrk.Measured]] = {}
    common = {"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "HTTP_PORT": str(PORT), "TOPIC": "peer", "LOG_LEVEL": "WARNING"}
    for name, server in [*servers().items()] * 2:
        with started(server.command, PORT, **common, **server.settings) as process:
            url = f"http://{HOST}:{PORT}{server.path}"
            wrk.buy(url, CONNECTIONS[-1], 2, process.pid)  # what is made at the first request is made
            for connections in CONNECTIONS:
                seen = wrk.buy(url, connections, seconds, process.pid)
                known = best.setdefault(name, {}).get(connections, seen)
                best[name][connections] = max(seen, known, key=lambda each: each.rate)
                print(f"{name}, {connections} connections: {json.dumps(asdict(seen))}", flush=True)
    return best


@contextmanager
def topic(bootstrap: str) -> Iterator[None]:
    """What the peers send to, with as many partitions as the shop's own."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics({"peer": {"num_partitions": 12, "replication_factor": 1}})
        yield
    finally:
        admin.close()


def table(best: dict[str, dict[int, wrk.Measured]]) -> str:
    """Rates with medians and processor time, then cm-server's ratios, as Markdown."""
    head = " | ".join(["1 connection", *(str(each) for each in CONNECTIONS[1:])])
    lines = [f"| requests a second (p50 ms, CPU ms for 1,000) | {head} |", "|---" * (1 + len(CONNECTIONS)) + "|"]
    for name, by in best.items():
        cells = (f"{by[each].rate:,.0f} ({by[each].p50:.1f}, {by[each].cpu:,.0f})" for each in CONNECTIONS)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for name in best:
        ratios = (f"**{best[OURS][each].rate / best[name][each].rate:.2f}**" for each in CONNECTIONS)
        if name != OURS:
            lines.append(f"| {OURS} ÷ {name} | {' | '.join(ratios)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="seconds of each load")
    parser.add_argument("--out", type=Path, default=ROOT / ".shop" / "bench-peers.json")
    options = parser.parse_args()
    with shop(consumers=False) as state:
        bootstrap = next(process["address"] for process in state["processes"] if process["name"] == "kafka")
        with topic(bootstrap):
            best = measure(options.seconds, bootstrap)
    bad = {name: sum(each.bad for each in by.values()) for name, by in best.items()}
    print(f"\n{os.cpu_count()} cores; requests without a 2xx: {json.dumps(bad)}\n\n{table(best)}")
    options.out.parent.mkdir(exist_ok=True)
    told = {name: {each: asdict(seen) for each, seen in by.items()} for name, by in best.items()}
    options.out.write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
