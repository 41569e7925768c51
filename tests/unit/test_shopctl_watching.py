"""The pure parts of watching: when to start again, what to say of a death, who holds the state directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from shop_core.errors import ConfigError
from shop_core.kafka.lag import GroupLag, PartitionLag
from shopctl.kafka_install import cluster_id
from shopctl.layout import Layout
from shopctl.report import cause_in, ending
from shopctl.restarts import Backoff
from shopctl.state import PlatformState, ProcessState, StateDirectory, rotate
from shopctl.status import Status, as_json, as_lines

STATE = PlatformState(
    supervisor=1,
    ready=True,
    url="http://127.0.0.1:8080/scalable-shop-cm-server",
    bootstrap="127.0.0.1:9092",
    processes=(ProcessState("kafka", 7, "running", "127.0.0.1:9092", "kafka.log", 1),),
)


def test_a_process_that_goes_on_dying_waits_ever_longer_up_to_a_ceiling() -> None:
    backoff = Backoff()
    assert [backoff.delay_after(1) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_healthy_while_makes_the_next_start_quick_again() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.delay_after(1)
    assert backoff.delay_after(60) == 0.5
    assert backoff.delay_after(1) == 1


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "it wrote nothing"),
        ("one\ntwo\n", "two"),
        ('{"level":"ERROR","message":"LOG_LEVEL must be DEBUG."}\nbye\n', "bye"),
        ('starting\n{"level":"ERROR","message":"cannot bind."}\nbye\n', "cannot bind"),
        (
            "2026-01-01T10:00:00,123 ERROR Server: disk failed\n\tat a.B.c(B.java:1)\n",
            "ERROR Server: disk failed",
        ),
        ('Traceback (most recent call last):\n  File "x"\nValueError: no\n', "ValueError: no"),
    ],
)
def test_the_cause_of_a_death_is_one_line_of_its_log(tmp_path: Path, text: str, cause: str) -> None:
    log = tmp_path / "a.log"
    log.write_text("an older ERROR\n" + text)
    assert cause_in(log, start=len("an older ERROR\n")) == cause


def test_an_exit_in_words() -> None:
    assert ending(-9) == "killed by SIGKILL"
    assert ending(3) == "exit code 3"


def test_one_supervisor_holds_a_state_directory(tmp_path: Path) -> None:
    first, second = StateDirectory(Layout(tmp_path)), StateDirectory(Layout(tmp_path))
    assert second.supervisor() is None
    first.acquire()
    assert second.supervisor() is not None
    with pytest.raises(ConfigError, match="already runs"):
        second.acquire()
    first.release()
    assert second.supervisor() is None


def test_a_state_is_read_as_written_and_garbage_is_none(tmp_path: Path) -> None:
    directory = StateDirectory(Layout(tmp_path))
    assert directory.read() is None
    directory.write(STATE)
    assert directory.read() == STATE
    directory.layout.state_file.write_text("{")
    assert directory.read() is None


def test_fresh_removes_only_what_up_has_made(tmp_path: Path) -> None:
    directory = StateDirectory(Layout(tmp_path))
    directory.prepare()
    (tmp_path / "data" / "x").write_text("x")
    (tmp_path / "mine").write_text("x")
    directory.wipe()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "mine"]


def test_a_long_log_keeps_one_older_generation(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("12345")
    rotate(log, limit=5)
    assert log.exists()
    rotate(log, limit=4)
    assert not log.exists()
    assert (tmp_path / "a.log.1").read_text() == "12345"


def test_status_shows_processes_and_lag() -> None:
    group = GroupLag("g", "t", 1, (PartitionLag(0, 5, 9, 4), PartitionLag(1, None, 3, 3)))
    status = Status(True, STATE, [group])
    shown = as_json(status)
    assert shown["processes"] == [
        {
            "name": "kafka",
            "pid": 7,
            "state": "running",
            "address": "127.0.0.1:9092",
            "log": "kafka.log",
            "restarts": 1,
        }
    ]
    assert shown["groups"][0]["lag"] == 7
    assert shown["groups"][0]["partitions"][1] == {"partition": 1, "committed": None, "end": 3, "lag": 3}
    text = "\n".join(as_lines(status))
    assert "kafka" in text
    assert "7" in text


def test_status_says_why_lag_is_unknown() -> None:
    assert "no answer" in as_lines(Status(True, STATE, None, "no answer"))[-1]
    assert as_json(Status(False, None, None))["running"] is False


def test_a_cluster_id_is_22_characters_that_kafka_takes() -> None:
    for _ in range(200):
        text = cluster_id()
        assert len(text) == 22
        assert not text.startswith("-")
