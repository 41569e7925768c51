"""`make dev`: one service from its sources beside a platform, started again after each change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shop_security.scripts import script
from shopctl.processes import CM_API, CM_SERVER

ROOT = Path(__file__).resolve().parents[2]
SERVICE = "import pathlib, signal; print(pathlib.Path('said.py').read_text(), flush=True); signal.pause()"
RUN = "import dev, pathlib, sys; dev.keep_running([sys.executable, '-c', sys.argv[1]], dict(), [pathlib.Path('.')])"


def test_a_change_starts_the_service_again_and_a_signal_ends_it(tmp_path: Path) -> None:
    (tmp_path / "said.py").write_text("one")
    with subprocess.Popen(
        [sys.executable, "-c", RUN, SERVICE],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")}, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "one\n"
        (tmp_path / "said.py").write_text("two")
        assert process.stdout.readline() == "two\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == ""  # the service is gone as well, or the pipe were open
        assert process.wait(30) == 0


def test_a_service_has_a_port_of_its_own() -> None:
    dev = script("dev")
    named = {"KAFKA_BOOTSTRAP_SERVERS": "broker:9", "MONGODB_URI": "mongodb://db"}
    found = dev.environment(CM_SERVER, named)
    assert (found["HTTP_PORT"], found["HTTP_WORKERS"], found["KAFKA_BOOTSTRAP_SERVERS"]) == ("18080", "1", "broker:9")
    assert dev.environment(CM_API, named | {"HTTP_PORT": "7"})["HTTP_PORT"] == "7"
    assert dev.environment("cm-api-consumer", named)["HEALTH_PORT"] == "18090"


def test_a_consumer_needs_its_domain(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        script("dev").main(["cm-api-consumer"])
    assert "--domain purchases" in capsys.readouterr().err
