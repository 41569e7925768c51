"""What a person reads: progress lines with the time they took, why a process died, what to try first."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import time
from pathlib import Path

from shopctl.layout import PREFIX, Layout, shown

_FAULT = re.compile(r"error|exception|fatal|refused|denied|cannot|can't|failed", re.IGNORECASE)
_STACK = re.compile(r"^\s+|^Traceback|^Caused by: java\.lang\.reflect")
_STAMP = re.compile(r"^\[?\d{4}-\d\d-\d\d[T ][\d:.,]+\]?\s*")
_LONGEST_CAUSE = 300


class Progress:
    """Prints one line a step, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def say(self, text: str) -> None:
        self.show(f"{self.elapsed:6.1f} s  {text}")

    def show(self, text: str) -> None:
        """Print `text`; a terminal or pipe that is gone is no reason to stop watching."""
        with contextlib.suppress(OSError):
            print(text, flush=True)


def ending(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def cause_in(log: Path, start: int = 0) -> str:
    """The line of `log`, read from byte `start`, that says best why its process stopped."""
    try:
        with log.open("rb") as stream:
            stream.seek(start)
            lines = [line for line in stream.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return "it wrote no log"
    plain = [text for line in lines if (text := _plain(line))]
    chosen = next((text for text in reversed(plain) if _FAULT.search(text)), plain[-1] if plain else "it wrote nothing")
    return chosen[:_LONGEST_CAUSE].rstrip(" .")


def _plain(line: str) -> str:
    """A log line as words: the message of a JSON line, nothing for a line of a stack."""
    if line.startswith("{"):
        try:
            record = json.loads(line)
        except ValueError:
            return line
        return str(record.get("error") or record.get("message") or record.get("event") or line)
    return "" if _STACK.match(line) else _STAMP.sub("", line).strip()


def ready_text(port: int, layout: Layout, seconds: float, detached: bool) -> str:
    """What is printed once everything answers: addresses, and three lines that work as they stand."""
    base = f"http://localhost:{port}{PREFIX}"
    body = '{"username":"ada","userid":"ada-1","price":"1195.30"}'
    elsewhere = "" if port == 80 else "; `shopctl up --port 80` serves http://localhost/… where you may bind that port"
    stop = "`shopctl down` (or `make stop`) stops it" if detached else "Ctrl-C stops it"
    return f"""
The shop is ready after {seconds:.1f} s; {stop}.

  page        {base}
  operations  {base}/ops
  API docs    {base}/docs
  readiness   {base}/readyz
  port        {port}{elsewhere}
  logs        {shown(layout.logs)}

Try:

  curl -sS -X POST {base}/buy -H 'Content-Type: application/json' -d '{body}'
  curl -sS {base}/getAllUserBuys/ada
  curl -sS {base}/v1/users/ada-1
"""
