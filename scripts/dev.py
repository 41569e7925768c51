"""Runs one service from its sources beside a running platform, and starts it again whenever one of its files changes.

`make dev SERVICE=cm-server`. It uses the Kafka, MongoDB and cm-api of `make run`, or those of the environment, and
a port of its own, so that the platform's service goes on beside it. A consumer joins the
group and gets some partitions.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from shop_core.errors import ConfigError
from shopctl.layout import HOST, PREFIX, layout_of
from shopctl.processes import CM_API, CM_SERVER, tool
from shopctl.state import StateDirectory
from shopctl.target import target_of

ROOT = Path(__file__).resolve().parent.parent
CONSUMER = "cm-api-consumer"
# Its variable for the port, the port, and the folder of its own sources.
SERVICES = {
    CM_SERVER: ("HTTP_PORT", "18080", "cm-server"),
    CM_API: ("HTTP_PORT", "18081", "cm-api"),
    CONSUMER: ("HEALTH_PORT", "18090", "cm-api"),
}
WATCHED = {".py", ".js", ".css", ".html", ".svg"}
LOOK_EVERY_SECONDS = 0.5
STOPS_WITHIN_SECONDS = 25


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make dev", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="for the service, as --domain purchases")
    chosen = parser.parse_args(argv)
    if chosen.service == CONSUMER and "--domain" not in chosen.arguments:
        parser.error('a consumer is of one domain: make dev SERVICE=cm-api-consumer ARGS="--domain purchases"')
    try:
        environ = environment(chosen.service, os.environ)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    variable, _, room = SERVICES[chosen.service]
    where = f"http://{HOST}:{environ[variable]}" + (PREFIX if chosen.service == CM_SERVER else "")
    kafka = environ.get("KAFKA_BOOTSTRAP_SERVERS", "by default")
    say(f"{chosen.service} will be at {where}, on Kafka {kafka}; Ctrl-C ends it")
    folders = [ROOT / part / "src" for part in ("runtime", "core", room)]
    return keep_running([tool(chosen.service), *chosen.arguments], environ, folders)


def environment(service: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The addresses of the platform that runs, and a port of its own unless one is given."""
    found = dict(target_of(None, environ).environ)
    directory = StateDirectory(layout_of(None))
    state = directory.read() if directory.supervisor() is not None else None
    for process in state.processes if state else ():
        if process.name == CM_API:
            found.setdefault("CM_API_URL", f"http://{process.address}")
    variable, port, _ = SERVICES[service]
    found.setdefault(variable, port)
    found.setdefault("HTTP_WORKERS", "1")
    return found


def keep_running(command: Sequence[str], environ: Mapping[str, str], folders: Sequence[Path]) -> int:
    """Run `command` until a signal ends this, anew after each change below `folders`."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.is_set():
        seen = stamps(folders)
        # In a session of its own: Ctrl-C reaches this process alone, which stops the service in order.
        process = subprocess.Popen(command, env=dict(environ), start_new_session=True)
        told = False
        while not ended.wait(LOOK_EVERY_SECONDS) and (now := stamps(folders)) == seen:
            if not told and process.poll() is not None:
                told = True
                say(f"it ended with {process.returncode}; it starts again after the next change")
        stop(process)
        if not ended.is_set():
            say(f"{', '.join(sorted(changed(seen, now)))} changed: starting again")
    return 0


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stamps(folders: Iterable[Path]) -> dict[Path, int]:
    """When each watched file was written; one that goes away meanwhile is gone."""
    found: dict[Path, int] = {}
    for path in (path for folder in folders for path in folder.rglob("*") if path.suffix in WATCHED):
        try:
            found[path] = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return found


def changed(before: Mapping[Path, int], now: Mapping[Path, int]) -> set[str]:
    return {path.name for path in before.keys() | now.keys() if before.get(path) != now.get(path)}


def say(text: str) -> None:
    sys.stderr.write(f"dev: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
