"""What can be said of charts and Dockerfiles without rendering or building; tests/e2e/test_charts.py renders them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from shop_core.events import DOMAINS
from shop_security.scripts import script

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ("scalable-shop", "shop-operator", "kafka", "mongodb")
LIBRARY = "shop-library"
BELOW = (*CHARTS[1:], LIBRARY)
VERSION = re.search(r'^version = "(.+)"', (ROOT / "cm-server/pyproject.toml").read_text(), re.M)
KEY = re.compile(r"^\s*(?:- )?[A-Za-z][\w.-]*:(?:\s|$)")


def chart(name: str, file: str) -> str:
    return (ROOT / "charts" / name / file).read_text()


@pytest.mark.parametrize("name", CHARTS)
def test_a_plain_line_stands_above_every_value(name: str) -> None:
    lines = chart(name, "values.yaml").splitlines()
    bare = [line for above, line in zip(["", *lines], lines, strict=False) if KEY.match(line) and "#" not in above]
    assert bare == []


def test_schemas_are_fresh() -> None:
    for file, text in script("chart_schema").filled().items():
        assert file.read_text() == text, f"run `make charts`: {file}"


def test_readmes_are_fresh_and_name_every_value() -> None:
    for file, text in script("chart_readmes").pages().items():
        assert file.read_text() == text, f"run `make charts`: {file}"
    page = chart("kafka", "README.md")
    for value, default in {
        "brokers.resources.limits": '"cpu": "2"',
        "global.dns.ports": "[53, 5353]",
        "env": "[]",
    }.items():
        assert re.search(rf"^\| `{value}` \| `[^|]*{re.escape(default)}[^|]*` \| \w", page, re.M), value


def test_what_charts_hold_of_others_is_fresh() -> None:
    charts = script("charts")
    assert charts.stale(charts.wanted()) == [], "run `make charts`"


def test_charts_hold_no_symbolic_links_and_no_windows_line_ends() -> None:
    for path in (ROOT / "charts").rglob("*"):
        assert not path.is_symlink(), path
        assert path.is_dir() or b"\r" not in path.read_bytes(), path


def test_names_in_charts_are_names_everywhere() -> None:
    """Windows takes no colons and knows no difference of case."""
    names = [path.relative_to(ROOT).as_posix() for path in (ROOT / "charts").rglob("*")]
    assert all(re.fullmatch(r"[\w./-]+", name) for name in names)
    assert len({name.lower() for name in names}) == len(names)


def test_charts_have_the_projects_version() -> None:
    assert VERSION
    for name in (*CHARTS, LIBRARY):
        described = yaml.safe_load(chart(name, "Chart.yaml"))
        assert described["version"] == VERSION[1]
        assert all(each["version"] == VERSION[1] for each in described.get("dependencies", []))
        assert all(each["repository"] == f"file://../{each['name']}" for each in described.get("dependencies", []))
    umbrella = yaml.safe_load(chart("scalable-shop", "Chart.yaml"))["dependencies"]
    assert {each["name"] for each in umbrella} == set(BELOW)


def test_a_release_has_one_version() -> None:
    """In packages, images of the test cluster, GitOps' examples, the changelog and the commands of the page."""
    assert VERSION
    where = {
        **{str(path.relative_to(ROOT)): r'^version = "(.+)"' for path in ROOT.glob("*/pyproject.toml")},
        "kafka/pom.xml": r"^  <version>(.+)</version>",
        "tests/cluster/values.yaml": r"^    tag: (.+)$",
        "gitops/argocd.yaml": r"targetRevision: v(.+)$",
        "gitops/flux.yaml": r"tag: v(.+)}$",
        "docs/how-to/kubernetes.md": r"--version (\S+)|scalable-shop-([\d.]+)\.tgz",
        "CHANGELOG.md": r"\A(?:.|\n)*?^## \[(\d[\d.]*)\]",
    }
    for file, pattern in where.items():
        named = {"".join(found) for found in re.findall(pattern, (ROOT / file).read_text(), re.M)}
        assert named == {VERSION[1]}, file


def test_the_api_page_is_off_in_production_and_its_values_say_so() -> None:
    text = chart("scalable-shop", "values-prod.yaml")
    assert yaml.safe_load(text)["shop"]["server"]["docs"] == {"active": False}
    assert "API page is off" in text
    for other in ("values.yaml", "values-dev.yaml"):
        server = yaml.safe_load(chart("scalable-shop", other))["shop"].get("server", {})
        assert server.get("docs", {"active": True})["active"] is True, other


def test_every_domain_has_a_consumer() -> None:
    values = yaml.safe_load(chart("scalable-shop", "values.yaml"))
    assert list(values["shop"]["consumers"]) == list(DOMAINS)
    assert json.loads(chart("scalable-shop", "files/domains.json")) == list(DOMAINS)


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
        # What the user adds has whatever kind the user says.
        expected = 0 if path.name == "extra-objects.yaml" else 1
        assert len(re.findall(r"^kind: ", path.read_text(), re.M)) == expected, path


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
