"""Java's client, kafka-clients, in a process of its own that is started once: tests/arrivals/java/Sender.java."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

from shop_arrivals.acks import Acks
from shop_arrivals.records import Foreign
from shopctl.kafka_install import java

SOURCE = Path(__file__).resolve().parents[2] / "java" / "Sender.java"


class Java:
    """Told by lines what to send; it answers by lines what was acked."""

    def __init__(self, bootstrap: str, run: str, acks: Acks, libs: Path, log: Path) -> None:
        self._acks = acks
        self._log = log.open("wb")
        command = [java(), "-Xmx512m", "-Dlog4j2.level=OFF", "-cp", f"{libs}/*", str(SOURCE), bootstrap, run]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, encoding="utf-8"
        )

    def send(self, record: Foreign) -> None:
        draw = record.draw
        headers = ",".join(f"{packed(name.encode())}:{packed(value)}" for name, value in record.headers)
        place = (draw.domain.topic, str(draw.partition), str(record.timestamp or "-"))
        self._tell(
            "send",
            str(record.number),
            draw.codec,
            draw.state,
            *place,
            packed(record.key),
            packed(record.value),
            headers,
        )

    def end(self) -> None:
        self._tell("end")
        self._hear("ended")

    def release(self) -> None:
        self._tell("release")
        self._hear("released")

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        code = self._process.wait(60)
        self._process.stdout.close()
        self._log.close()
        assert code == 0, f"Sender.java ended with {code}; see {self._log.name}"

    def _tell(self, *words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join(words) + "\n")
        self._process.stdin.flush()

    def _hear(self, last: str) -> None:
        """Note what is acked, up to the word `last`."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, *rest = line.rstrip("\n").split("\t")
            if word == last:
                return
            if word == "acked":
                self._acks.places[int(rest[0])] = (int(rest[1]), int(rest[2]))
            else:
                self._acks.refused[int(rest[0])] = rest[1]
        raise AssertionError(f"Sender.java ended; see {self._log.name}")


def packed(value: bytes | None) -> str:
    return "-" if value is None else base64.b64encode(value).decode()
