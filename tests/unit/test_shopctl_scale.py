"""`shopctl scale`: histories that are read or refused by their line, the plot, and what kubectl is told."""

from __future__ import annotations

import json
import stat
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from shop_core.errors import ConfigError
from shopctl.main import main
from shopctl.scale import command, history
from shopctl.scale.history import Row

SVG = "{http://www.w3.org/2000/svg}"
BODY: dict[str, Any] = {
    "metadata": {"name": "purchases"},
    "spec": {"topic": "shop.purchases", "minReplicas": 1, "maxReplicas": 12, "drainWithin": "30s"},
    "status": {
        "reason": "12 partitions: lag 900 would need 30", "mode": "Auto", "wanted": 12, "needed": 12,
        "readyReplicas": 4, "lag": 900, "partitions": 12, "drain": "9s", "lagThreshold": 30, "ratePerPod": 1.5,
        "committed": [50, 70, -1],
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Running", "message": "4 pods."},
            {"type": "HotPartition", "status": "True", "reason": "LagInOnePartition", "message": "Choose a key."},
            {"type": "TopicMissing", "status": "False", "reason": "Fine", "message": "There."},
        ],
    },
}  # fmt: skip


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl that prints the ShopConsumer, and keeps the words that it was told."""
    (tmp_path / "answer").write_text(json.dumps(BODY))
    program = tmp_path / "kubectl"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/words\ncat {tmp_path}/answer\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def words(kubectl: Path) -> list[str]:
    return [word for word in (kubectl / "words").read_text().split("\n") if word]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Ten minutes with a burst of two, stored by two pods of 100 events a second."""
    rows, end, stored = [history.HEADER], 0, 0
    for at in range(0, 600, 5):
        end += 5 * (500 if 100 <= at < 220 else 20)
        stored = min(end, stored + 2 * 100 * 5)
        rows.append(f"{1_700_000_000 + at},{end},{stored},2")
    path = tmp_path / "history.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_why_says_the_rule_its_numbers_and_what_stands_in_the_way(
    kubectl: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scale", "why", "purchases", "-n", "shop", "--context", "test"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("purchases: 12 partitions: lag 900 would need 30\n")
    assert "4 ready, 12 asked for, 12 by the rule; 1 to 12" in said
    assert "30 events a pod (drainWithin 30s, 1.5 events a second and pod measured)" in said
    assert "HotPartition: True, LagInOnePartition: Choose a key." in said
    assert "TopicMissing" not in said and "Ready" not in said
    assert words(kubectl)[:2] == ["--context=test", "--namespace=shop"]


def test_pin_and_unpin_are_what_a_person_would_write(kubectl: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "pin", "purchases", "4"]) == 0
    assert main(["scale", "unpin", "purchases"]) == 0
    said = words(kubectl)
    assert said[1:4] == ["scale", "shopconsumer/purchases", "--replicas=4"]
    assert said[5:] == ["patch", "shopconsumer", "purchases", "--type=merge", '--patch={"spec":{"replicas":null}}']
    assert "shopctl scale unpin purchases" in capsys.readouterr().out


def test_what_kubectl_refuses_is_one_sentence(kubectl: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (kubectl / "kubectl").write_text("#!/bin/sh\necho log >&2\necho 'Error: no such consumer' >&2\nexit 1\n")
    assert main(["scale", "why", "nix"]) == 1
    assert capsys.readouterr().err == ("shopctl: kubectl get shopconsumer nix --output=json: Error: no such consumer\n")
    (kubectl / "kubectl").unlink()


def test_without_kubectl_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["scale", "unpin", "purchases"]) == 1
    assert "kubectl is not there: install it" in capsys.readouterr().err


def test_a_record_is_a_history(kubectl: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["scale", "record", "purchases", "--for", "5", "--every", "5"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head == history.HEADER and row.endswith(",1020,120,4")
    assert command.row_of({"status": {"lag": 3}}, 0.0) is None


def test_csv_and_json_lines_are_read_alike(tmp_path: Path) -> None:
    table, lines = tmp_path / "a.csv", tmp_path / "a.jsonl"
    table.write_text("time,end,committed,pods\n2026-11-27T12:00:00Z,10,4,1\n2026-11-27T12:00:10Z,30,,\n")
    lines.write_text('{"time": 100, "end": 10, "committed": 4, "pods": 1}\n\n{"time": 110, "end": 30}\n')
    assert history.read(table) == history.read(lines) == [Row(0.0, 10, 4, 1), Row(10.0, 30)]
    assert history.arrivals(history.read(table)) == pytest.approx([2.0] * 10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no two rows"),
        ("time,end\n1,2\n", "no two rows"),
        ("time,end\n1,2\nlater,x\n", r":3: what is missing or wrong: time .*, end \(a whole number\)\."),
        ("time,end,pods\n1,2,many\n2,3,\n", r":2: .*: pods \(a whole number or nothing\)"),
        ("time,end\n5,2\n1,9\n", "row 2 goes back"),
        ("time,end\n1,9\n5,2\n", "row 2 goes back"),
        ('{"time": 1, "end": 2}\n{"time"\n', ":2 is no JSON"),
        ('{"time": 1, "end": 2}\n[]\n', ":2 is no JSON object"),
        ("time,end\n0,1\n700000,2\n", "longer than 7 days"),
    ],
)
def test_a_history_that_is_wrong_is_named_by_its_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        history.read(path)


def test_a_history_shows_what_a_pod_stores(recorded: Path) -> None:
    assert history.rate_per_pod(history.read(recorded)) == pytest.approx(100, rel=0.05)


def test_simulate_sums_up_and_draws(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plot.svg"
    assert main(["scale", "simulate", str(recorded), "--lag-threshold", "100", "--max", "6", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "pods       1 to 6, changed" in said and "0 wait at the end" in said
    picture = ET.fromstring(out.read_text())  # what shopctl has just drawn  # nosec B314
    lines = {line.get("class"): line for line in picture.iter(f"{SVG}polyline")}
    assert set(lines) == {"a", "b", "c"}, "asked for, read and recorded"
    for line in picture.iter(f"{SVG}polyline"):
        for point in (line.get("points") or "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 988 and 0 <= y <= 560
    assert "history.csv: 1 to 6 pods, lagThreshold 100" in (picture.get("aria-label") or "")


def test_simulate_in_json_tells_each_second_and_its_reason(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "simulate", str(recorded), "--drain-within", "30s", "--json"]) == 0
    moments = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(moments) == 595 and set(moments[0]) == {"at", "lag", "delay", "asked", "ready", "reason"}
    assert any("a pod =" in moment["reason"] for moment in moments)


def test_simulate_says_what_it_lacks(tmp_path: Path, recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("time,end\n0,0\n60,600\n")
    assert main(["scale", "simulate", str(bare), "--lag-threshold", "100"]) == 1
    assert "say it by --rate-per-pod" in capsys.readouterr().err
    assert main(["scale", "simulate", str(bare), "--lag-threshold", "100", "--rate-per-pod", "50"]) == 0
    assert main(["scale", "simulate", str(recorded), "--lag-threshold", "9", "--min", "5", "--max", "2"]) == 1
    assert "--min 5 is above --max 2" in capsys.readouterr().err
    for wrong in (["--drain-within", "30"], ["--lag-threshold", "0"], ["--lag-threshold", "1", "--database", "nan"]):
        with pytest.raises(SystemExit, match="2"):
            main(["scale", "simulate", str(recorded), *wrong])
