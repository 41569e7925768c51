"""A whole platform of its own, started and stopped by the command line, on shifted ports."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from shop_core.events import DOMAINS

# Below every port that the shared platform of a session takes (tests/conftest.py).
OFFSET = 150
BIN = Path(sys.executable).parent
SERVERS = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "MONGODB_URI",
    "MONGODB_DATABASE",
    "CM_API_URL",
    "HTTP_PORT",
    "HEALTH_PORT",
)


def environment(**extra: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in SERVERS} | extra


def shopctl(*words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "shopctl"), *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment(**extra), timeout=180, check=False)


def up(state: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return shopctl("up", "--detach", "--state-dir", str(state), "--offset", str(OFFSET), *words, **extra)


def status(state: Path) -> dict[str, Any]:
    answer = shopctl("status", "--json", "--state-dir", str(state))
    return dict(json.loads(answer.stdout))


def processes(state: Path) -> dict[str, Any]:
    return {process["name"]: process for process in status(state)["processes"]}


def left_in(state: Path) -> list[int]:
    """Every process that works in this platform's folders, whoever started it."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(state):
                found.append(int(entry.name))
    return found


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(happened: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.2)
    return False


def assert_one_sentence(answer: subprocess.CompletedProcess[str], *words: str) -> None:
    text = [line for line in (answer.stdout + answer.stderr).splitlines() if line.startswith("shopctl: ")]
    assert answer.returncode == 1, answer
    assert len(text) == 1, answer
    assert text[0].endswith("."), text
    for word in words:
        assert word in text[0]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    state = tmp_path_factory.mktemp("platform")
    answer = up(state, "--consumers", "purchases=2", "--cache")
    try:
        assert answer.returncode == 0, answer
        yield state, answer.stdout
    finally:
        shopctl("down", "--state-dir", str(state))
        assert left_in(state) == []


def test_status_lists_each_process_and_group(platform: tuple[Path, str]) -> None:
    state, _ = platform
    assert until(lambda: len(status(state)["groups"]) == len(DOMAINS))
    shown = status(state)
    assert shown["ready"] is True
    consumers = {f"{name}-consumer-1" for name in DOMAINS} | {"purchases-consumer-2"}
    assert {p["name"] for p in shown["processes"]} == {
        "kafka", "database", "cache", "cm-api", "cm-ops", "cm-server", *consumers,
    }  # fmt: skip
    for process in shown["processes"]:
        assert process["state"] == "running"
        assert Path(f"/proc/{process['pid']}").exists()
        assert process["address"].startswith("127.0.0.1:")
        assert Path(process["log"]).exists()
    for group in shown["groups"]:
        assert len(group["partitions"]) == 12
        assert all({"partition", "committed", "end", "lag"} == set(part) for part in group["partitions"])


def tells(command: list[str], what: str) -> bool:
    return what in subprocess.check_output(command, text=True)


def test_the_printed_curl_lines_work_as_printed(platform: tuple[Path, str]) -> None:
    _, printed = platform
    lines = [line.strip() for line in printed.splitlines() if line.strip().startswith("curl ")]
    assert len(lines) == 3
    bought = json.loads(subprocess.run(shlex.split(lines[0]), capture_output=True, check=True).stdout)
    assert bought["status"] == "Ok!"
    for line in lines[1:]:
        assert until(partial(tells, shlex.split(line), "1195.30"), 15), line


def test_a_cache_that_is_asked_for_is_used_by_the_query_api_and_killed_it_is_missed_by_nobody(
    platform: tuple[Path, str],
) -> None:
    state, _ = platform
    address = {name: process["address"] for name, process in processes(state).items()}
    base = f"http://{address['cm-server']}/scalable-shop-cm-server/v1/products"
    product = ["curl", "-sS", "-H", "Prefer: wait=10", "-d", '{"name":"lamp","price":"1"}', base]
    id = json.loads(subprocess.check_output(product))["id"]
    look = ["curl", "-sS", f"{base}/{id}"]
    host, _, port = address["cache"].partition(":")
    with redis.Redis(host, int(port)) as cache:

        def kept() -> bool:
            return tells(look, "lamp") and cache.exists(f"product:{id}") == 1

        assert until(kept)
        os.kill(processes(state)["cache"]["pid"], signal.SIGKILL)
        assert tells(look, "lamp"), "the database answers"
        assert until(lambda: processes(state)["cache"]["state"] == "running" and kept()), "it is filled anew"


def test_servers_that_are_already_there_are_used(platform: tuple[Path, str], tmp_path: Path) -> None:
    """A second door and query API on the first platform's broker and database; its consumers do the work."""
    address = {name: process["address"] for name, process in processes(platform[0]).items()}
    servers = {"KAFKA_BOOTSTRAP_SERVERS": address["kafka"], "MONGODB_URI": f"mongodb://{address['database']}"}
    none = [word for name in DOMAINS for word in ("--consumers", f"{name}=0")]
    words = ("--offset", str(OFFSET + 40), *none)
    answer = up(tmp_path, *words, **servers)
    try:
        assert answer.returncode == 0, answer
        states = {name: process["state"] for name, process in processes(tmp_path).items()}
        assert states == {"kafka": "external", "database": "external", "cm-api": "running"} | {
            "cm-ops": "running",
            "cm-server": "running",
        }
        base = f"http://localhost:{8080 + OFFSET + 40}/scalable-shop-cm-server"
        body = json.dumps({"username": "Guest", "userid": "guest", "price": "4.20"})
        buy = ["curl", "-sS", "-H", "Prefer: wait=10", "-d", body, f"{base}/buy"]
        assert json.loads(subprocess.check_output(buy))["state"] == "stored"
        assert b"4.20" in subprocess.check_output(["curl", "-sS", f"{base}/getAllUserBuys/Guest"])
    finally:
        shopctl("down", "--state-dir", str(tmp_path))
    assert left_in(tmp_path) == []
    assert status(platform[0])["ready"] is True


def test_a_second_platform_in_the_same_place_is_refused(platform: tuple[Path, str]) -> None:
    state, _ = platform
    assert_one_sentence(up(state), "already runs", "shopctl down")


@pytest.mark.parametrize("name", ["cm-server", "cm-api", "cm-ops", "purchases-consumer-1", "database", "kafka"])
def test_a_killed_process_is_started_again_with_a_line_that_says_so(platform: tuple[Path, str], name: str) -> None:
    state, _ = platform
    before = processes(state)[name]
    os.kill(before["pid"], signal.SIGKILL)

    def again() -> bool:
        now = processes(state)[name]
        return bool(now["state"] == "running" and now["pid"] != before["pid"])

    assert until(again)
    said = (state / "supervisor.log").read_text()
    assert f"{name} died (killed by SIGKILL), starting it again" in said
    assert str(before["log"]) in said


def test_a_taken_port_is_one_sentence_and_leaves_nothing(platform: tuple[Path, str], tmp_path: Path) -> None:
    assert_one_sentence(up(tmp_path), "Port ", "is taken by another program", "--offset")
    assert left_in(tmp_path) == []


def test_a_setting_that_stops_a_service_is_said_and_everything_stops(
    platform: tuple[Path, str], tmp_path: Path
) -> None:
    # Against the running servers, so that only the services are started here.
    bootstrap, mongodb = (f"127.0.0.1:{9092 + OFFSET}", f"mongodb://127.0.0.1:{27017 + OFFSET}")
    words = ("up", "--state-dir", str(tmp_path), "--offset", str(OFFSET + 100))
    answer = shopctl(
        *words,
        KAFKA_BOOTSTRAP_SERVERS=bootstrap,
        MONGODB_URI=mongodb,
        MONGODB_DATABASE="other",
        HTTP_THREADS="many",
    )
    assert_one_sentence(answer, "stopped at its start", "HTTP_THREADS")
    assert left_in(tmp_path) == []


def test_an_absent_broker_is_one_sentence(tmp_path: Path) -> None:
    answer = shopctl(
        "up",
        "--state-dir",
        str(tmp_path),
        "--offset",
        str(OFFSET + 200),
        KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
    )
    assert_one_sentence(answer, "KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1")
    assert left_in(tmp_path) == []


def test_a_mongodb_without_transactions_is_refused(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(BIN / "secantusd-py"),
        "--standalone",
        "--port",
        str(port),
        "--storage-path",
        str(tmp_path / "db"),
    ]
    with (tmp_path / "db.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            assert until(lambda: listens(port))
            state = tmp_path / "state"
            words = ("up", "--state-dir", str(state), "--offset", str(OFFSET + 300))
            answer = shopctl(*words, MONGODB_URI=f"mongodb://127.0.0.1:{port}")
            assert_one_sentence(answer, "no transactions", "standalone", "replica set")
            assert left_in(state) == []
        finally:
            server.terminate()


def test_without_java_a_sentence_says_what_to_install(tmp_path: Path) -> None:
    words = ("up", "--state-dir", str(tmp_path), "--offset", str(OFFSET + 400))
    answer = shopctl(*words, PATH=str(tmp_path), JAVA_HOME="")
    assert_one_sentence(answer, "Java", "install")
    assert left_in(tmp_path) == []


def test_without_maven_and_jars_a_sentence_says_what_to_install(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "java").symlink_to(str(shutil.which("java")))
    words = ("up", "--state-dir", str(tmp_path / "state"), "--offset", str(OFFSET + 450))
    answer = shopctl(*words, PATH=str(programs), JAVA_HOME="", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert_one_sentence(answer, "Maven", "mvn", "install")
    assert left_in(tmp_path) == []


def test_ctrl_c_stops_all_in_order_and_keeps_the_data(tmp_path: Path) -> None:
    command = [str(BIN / "shopctl"), "up", "--state-dir", str(tmp_path), "--offset", str(OFFSET + 500)]
    said = tmp_path / "said"
    with said.open("wb") as output:
        running = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment())
    try:
        assert until(lambda: "The shop is ready" in said.read_text(), 90), said.read_text()
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    finally:
        running.kill()
        running.wait()
    text = said.read_text()
    order = ["cm-server", "purchases-consumer-1", "cm-api", "database", "kafka"]
    places = [text.index(f"{name} stopped") for name in order]
    assert places == sorted(places), text
    assert "had to be killed" not in text
    assert left_in(tmp_path) == []
    assert (tmp_path / "data" / "kafka" / "meta.properties").exists()


def test_a_killed_supervisor_leaves_no_process(tmp_path: Path) -> None:
    answer = shopctl("up", "--detach", "--state-dir", str(tmp_path), "--offset", str(OFFSET + 600))
    assert answer.returncode == 0, answer
    try:
        os.kill(status(tmp_path)["supervisor"], signal.SIGKILL)
        assert until(lambda: left_in(tmp_path) == [], 30), left_in(tmp_path)
        assert status(tmp_path)["running"] is False
    finally:
        shopctl("down", "--state-dir", str(tmp_path))
