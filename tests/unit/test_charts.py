"""What can be said of charts and Dockerfiles without rendering or building; tests/e2e/test_charts.py renders them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from shop_core.events import DOMAINS

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ("scalable-shop", "shop-operator", "kafka", "mongodb")
BELOW = CHARTS[1:]
VERSION = re.search(r'^version = "(.+)"', (ROOT / "cm-server/pyproject.toml").read_text(), re.M)
KEY = re.compile(r"^\s*(?:- )?[A-Za-z][\w.-]*:(?:\s|$)")


def chart(name: str, file: str) -> str:
    return (ROOT / "charts" / name / file).read_text()


@pytest.mark.parametrize("name", CHARTS)
def test_a_plain_line_stands_above_every_value(name: str) -> None:
    lines = chart(name, "values.yaml").splitlines()
    bare = [line for above, line in zip(["", *lines], lines, strict=False) if KEY.match(line) and "#" not in above]
    assert bare == []


def test_the_umbrellas_schema_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location("chart_schema", ROOT / "scripts" / "chart_schema.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    text = chart("scalable-shop", "values.schema.json")
    assert script.filled(text) == text, "run `.venv/bin/python scripts/chart_schema.py`"


def test_charts_have_the_projects_version() -> None:
    assert VERSION
    for name in CHARTS:
        assert yaml.safe_load(chart(name, "Chart.yaml"))["version"] == VERSION[1]
    dependencies = yaml.safe_load(chart("scalable-shop", "Chart.yaml"))["dependencies"]
    assert {d["name"]: d["version"] for d in dependencies} == dict.fromkeys(BELOW, VERSION[1])
    for name in BELOW:
        assert (ROOT / "charts/scalable-shop/charts" / name).resolve() == ROOT / "charts" / name


def test_every_domain_has_a_consumer() -> None:
    values = yaml.safe_load(chart("scalable-shop", "values.yaml"))
    assert list(values["shop"]["consumers"]) == list(DOMAINS)


def test_topics_are_made_as_the_domains_say() -> None:
    for name, said in yaml.safe_load(chart("scalable-shop", "values.yaml"))["shop"]["consumers"].items():
        assert said.get("topicConfig", {}) == dict(DOMAINS[name].topic_config), name
        assert said.get("derivedTopics", []) == list(DOMAINS[name].derived), name


def test_the_operators_role_is_the_one_that_it_was_tested_with() -> None:
    template = chart("shop-operator", "templates/role.yaml").split("\nrules:\n")[1].removesuffix("{{- end }}\n")
    assert yaml.safe_load(template) == yaml.safe_load((ROOT / "operator/role.yaml").read_text())["rules"]


@pytest.mark.parametrize("name", CHARTS)
def test_one_kind_a_file(name: str) -> None:
    for path in (ROOT / "charts" / name / "templates").rglob("*.yaml"):
        assert len(re.findall(r"^kind: ", path.read_text(), re.M)) == 1, path


@pytest.mark.parametrize("component", ["cm-server", "cm-api", "operator"])
def test_images_are_locked_by_hash_and_end_without_root(component: str) -> None:
    build, final = (ROOT / component / "Dockerfile").read_text().split("FROM ${BASE}\n")
    for install in re.findall(r"pip install [^\\&\n]+", build):
        assert "--require-hashes" in install or "--no-index" in install
    user = re.search(r"^USER (\d+):(\d+)$", final, re.M)
    assert user and int(user[1]) >= 10_000
    assert re.search(r'^(CMD|ENTRYPOINT) \["', final, re.M), "the exec form, so that SIGTERM arrives"
    assert "COPY --from=build /app /app" in final and final.count("COPY") == 1
    assert ":latest" not in build + final
