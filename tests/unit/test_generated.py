"""What `make generate` writes is as the code has it, and it leaves out none of the scripts that write something."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from shop_core.events import DOMAINS
from shop_core.events.envelope import Domain
from shop_security.scripts import script

ROOT = Path(__file__).resolve().parents[2]
NEW = Domain("parcels", "shop.parcels", {}, {"shop.labels": {}}, {"retention.ms": "-1"})


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    return script("domains")


def test_what_follows_from_the_domains_is_fresh(writer: ModuleType) -> None:
    stale = [path.name for path, text in writer.filled().items() if path.read_text() != text]
    assert not stale, "run `make generate`"
    assert writer.domains() == list(DOMAINS.values())


def test_a_new_domain_has_its_place_everywhere(writer: ModuleType) -> None:
    every = [*DOMAINS.values(), NEW]
    made = {path.name: make(every, path.read_text()) for path, make in writer.FILES.items() if path.parent != ROOT}
    values = yaml.safe_load(made["values.yaml"])["shop"]
    assert list(values["consumers"]) == [domain.name for domain in every]
    purchases = yaml.safe_load((ROOT / "charts/scalable-shop/values.yaml").read_text())["shop"]["consumers"][
        "purchases"
    ]
    said = {"topicConfig": {"retention.ms": "-1"}, "derivedTopics": ["shop.labels"]}
    assert values["consumers"]["parcels"] == purchases | said
    assert list(yaml.safe_load(made["values-dev.yaml"])["shop"]["consumers"]) == list(values["consumers"])
    assert "    parcels.DOMAIN,\n)" in made["domains.py"]
    acls = yaml.safe_load(made["acls.json"])["principals"]
    assert {"keda", "operator"} <= set(acls), "what follows from no domain stays"
    assert {"shop.parcels", "shop.labels"} <= {right["name"] for right in acls["shopctl"]["may"]}
    assert [right["name"] for right in acls["parcels-consumer"]["may"]] == [
        *("shop.parcels", "shop.parcels.dlq", "shop.labels", "cm-api-parcels")
    ]
    assert "| `shop.parcels` | 12 | for ever" in made["README.md"]


def test_it_runs_each_script_that_says_it_made_something() -> None:
    rooms = ("charts", "core", "docs", "kafka", "keda", "mongodb", "schemas")
    pages = [ROOT / "README.md", *(path for room in rooms for path in (ROOT / room).rglob("*.*") if path.is_file())]
    told = {name for page in pages for name in re.findall(rb"by scripts/(\w+)\.py", page.read_bytes())}
    target = (ROOT / "Makefile").read_text().partition("\ngenerate:")[2].partition("\n\n")[0]
    run = set(re.findall(r"scripts/(\w+)\.py", target))
    # What it runs itself: the schemas and pages of the charts.
    below = {
        path.stem
        for path in (ROOT / "scripts").glob("*.py")
        if f'"{path.name}"' in (ROOT / "scripts/charts.py").read_text()
    }
    assert "domains" in run and below
    assert {name.decode() for name in told} <= run | below
