"""The command line explains itself without a client, names what a mistyped word may have meant, and shows logs."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from shop_core.errors import ConfigError
from shopctl import logs
from shopctl.arguments import build_parser
from shopctl.main import main

CLIENTS = ("pymongo", "kafka", "confluent_kafka", "urllib3", "flask", "redis", "prometheus_client", "asyncio")


def parsers(parser: argparse.ArgumentParser, *words: str) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Each command that can be called, with the words that call it."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield words, parser
    for action in below:
        for name, child in action.choices.items():
            yield from parsers(child, *words, name)


COMMANDS = dict(parsers(build_parser()))
ASKED = [("--version",), ("--help",), ("statsu",), *((*words, "--help") for words in COMMANDS)]


@pytest.mark.parametrize("words", ASKED, ids=" ".join)
def test_to_explain_itself_it_imports_no_client(words: tuple[str, ...]) -> None:
    program = f"""
import sys
from shopctl.main import main
try:
    main({words!r})
except SystemExit:
    pass
sys.exit(",".join(each for each in {CLIENTS!r} if each in sys.modules) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_runs_a_command_is_there(words: tuple[str, ...]) -> None:
    module, _, function = COMMANDS[words].get_default("run").partition(":")
    assert callable(getattr(import_module(module), function))


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"shopctl {version('shopctl')}\n"


@pytest.mark.parametrize(
    ("words", "meant"), [("statsu", "status"), ("dlq lst", "list"), ("verify rating", "ratings"), ("xyzzy", None)]
)
def test_a_mistyped_word_is_answered_with_what_it_may_have_meant(
    words: str, meant: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words.split())
    told = capsys.readouterr().err
    assert ("did you mean" in told) is (meant is not None)
    assert meant is None or f"did you mean {meant!r}?" in told


def test_logs_show_the_last_lines_with_nothing_that_a_terminal_acts_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "cm-api.log").write_bytes(b"one\ntwo\n\x1b[2Jthree \xff\n")
    assert main(["logs", "cm-api", "-n", "2", "--state-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "two\n\\x1b[2Jthree \\xff\n"
    assert main(["logs", "cm-apo", "--state-dir", str(tmp_path)]) == 1
    assert "there are cm-api" in capsys.readouterr().err


def test_a_log_is_followed_by_whole_lines_and_into_the_one_that_takes_its_place(tmp_path: Path) -> None:
    path, other = tmp_path / "a.log", tmp_path / "b"
    path.write_bytes(b"old\nhalf")
    lines = logs.follow(path, len(b"old\n"))
    with path.open("ab") as more:
        more.write(b" whole\n")
    assert next(lines) == b"half whole\n"
    other.write_bytes(b"new\n")
    other.rename(path)
    assert next(lines) == b"new\n"
    lines.close()


def test_a_status_that_is_watched_is_shown_again(tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-m", "shopctl.main", "status", "--watch", "--state-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        try:
            assert all(watching.stdout.readline().startswith("No platform runs in") for _ in range(2))
        finally:
            watching.terminate()


def test_no_log_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing was started there yet"):
        logs.run(build_parser().parse_args(["logs", "cm-api", "--state-dir", str(tmp_path)]))
