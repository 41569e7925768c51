"""The commands of docs/how-to/backup.md for MongoDB fit the pod that the chart makes: its container, its files and its
environment, with a dump that only writes down how it was called. No mongodump is to be had for a real one."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pymongo.uri_parser import parse_uri

from shop_cluster.places import ROOT
from shop_cluster.rendering import pods, render

PAGE = (ROOT / "docs" / "how-to" / "backup.md").read_text()
COMMAND = re.compile(r"kubectl exec (?:-i )?-n \S+ \w+-mongodb-0 -c (\S+) -- sh -c \\\n\s+'(mongo\w+ [^']+)'")
WITH_TLS = re.search(r"`(--ssl [^`]+)`", PAGE)
TOOL = '#!/bin/sh\nprintf "%s\\n" "$0" "$@" >"$CALLED"\n'


@pytest.fixture(scope="module")
def member() -> dict[str, Any]:
    return pods(render("--set", "mongodb.tls.enabled=true"))["StatefulSet/shop-mongodb"]


@pytest.mark.parametrize(("container", "command"), COMMAND.findall(PAGE), ids=lambda word: word.split()[0])
def test_the_pod_has_what_the_page_needs(member: dict[str, Any], container: str, command: str, tmp_path: Path) -> None:
    [found] = [each for each in member["containers"] if each["name"] == container]
    assert WITH_TLS
    command = f"{command} {WITH_TLS[1]}"
    volumes = {volume["name"]: volume for volume in member["volumes"]}
    for mount in found["volumeMounts"]:
        folder = tmp_path / mount["mountPath"].strip("/")
        folder.mkdir(parents=True)
        for item in volumes[mount["name"]].get("secret", {}).get("items", []):
            (folder / item["path"]).write_text("S3cret\n")
    mounted = "|".join(re.escape(mount["mountPath"]) for mount in found["volumeMounts"])
    command = re.sub(rf"(?<![\w:/])(?:{mounted})/", lambda there: f"{tmp_path}{there[0]}", command)
    (tmp_path / "bin").mkdir()
    for name in ("mongodump", "mongorestore"):
        (tmp_path / "bin" / name).write_text(TOOL)
        (tmp_path / "bin" / name).chmod(0o755)
    said = {each["name"]: each["value"] for each in found["env"] if "value" in each}
    environment = said | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "CALLED": str(tmp_path / "called")}
    subprocess.run(["sh", "-euc", command], env=environment, check=True)
    tool, *words = (tmp_path / "called").read_text().splitlines()
    assert Path(tool).name == command.split()[0]
    uri = parse_uri(words[words.index("--uri") + 1])
    assert (uri["username"], uri["password"], uri["nodelist"]) == ("root", "S3cret", [("127.0.0.1", 27017)])
    assert uri["options"]["authSource"] == "admin"
    assert uri["database"] == (said["DATABASE"] if Path(tool).name == "mongodump" else None)
    assert Path(words[words.index("--sslCAFile") + 1]).is_file()


def test_the_page_has_both_commands() -> None:
    assert [command.split()[0] for _, command in COMMAND.findall(PAGE)] == ["mongodump", "mongorestore"]
