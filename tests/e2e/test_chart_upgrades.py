"""An upgrade over a pretended cluster: what must stay is refused with a sentence, what may change goes through."""

from __future__ import annotations

import base64
import copy
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from shop_cluster.pretended_api import api_with
from shop_cluster.rendering import PROFILES, UMBRELLA, Manifest, RenderError, render

VERSION = version("shopctl")
KEPT = ("ConfigMap", "Secret", "StatefulSet")
Upgrade = Callable[..., list[Manifest]]


@pytest.fixture
def upgrade_of(tmp_path: Path) -> Callable[[list[Manifest]], Upgrade]:
    """Renders over what an install has made, as `helm upgrade` does."""

    def over(installed: list[Manifest]) -> Upgrade:
        def upgrade(*words: str) -> list[Manifest]:
            kubeconfig = tmp_path / "kubeconfig"
            with api_with([each for each in installed if each["kind"] in KEPT], kubeconfig):
                server = ("--dry-run=server", "--disable-openapi-validation", "--kubeconfig", str(kubeconfig))
                return render(*words, *server)

        return upgrade

    return over


@pytest.fixture(scope="module")
def installed() -> list[Manifest]:
    return render()


@pytest.fixture
def upgrade(installed: list[Manifest], upgrade_of: Callable[[list[Manifest]], Upgrade]) -> Iterator[Upgrade]:
    yield upgrade_of(copy.deepcopy(installed))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("kafka.controllers.replicas=1", "controllers.replicas was 3 .* leave it at 3"),
        ("kafka.controllers.replicas=5", "controllers.replicas was 3"),
        ("kafka.controllers.storage=6Gi", "controllers.storage was 5Gi .*--cascade=orphan"),
        ("kafka.brokers.storage=30Gi", "brokers.storage was 20Gi .*--cascade=orphan"),
        ("kafka.brokers.storage=1Gi", "brokers.storage was 20Gi"),
        ("kafka.brokers.replicas=2,shop.kafka.topics.replicationFactor=2", "kafka-reassign-partitions"),
        ("kafka.storageClass=fast", "kafka.storageClass was"),
        ("kafka.security.enabled=false", "security.enabled was true"),
        ("kafka.clusterId=AAAAAAAAAAAAAAAAAAAAAA", "kafka.clusterId was .* set it to that"),
        ("mongodb.members=3", "mongodb.members was 2"),
        ("mongodb.members=1", "mongodb.members was 2"),
        ("mongodb.arbiter.enabled=false", "arbiter.enabled was true"),
        ("mongodb.arbiter.storage=2Gi", "arbiter.storage was 1Gi"),
        ("mongodb.replicaSet=rs1", "replicaSet was rs0"),
        ("mongodb.database=other,shop.mongodb.database=other", "database was shop"),
        ("mongodb.storage=30Gi", "mongodb.storage was 20Gi"),
        ("mongodb.storageClass=fast", "mongodb.storageClass was"),
    ],
)
def test_what_must_stay_is_refused_with_a_sentence(upgrade: Upgrade, value: str, said: str) -> None:
    with pytest.raises(RenderError, match=said):
        upgrade("--set", value)


@pytest.mark.parametrize(
    "value",
    [
        "kafka.brokers.replicas=5",
        "kafka.security.certificate.restartSeconds=60",
        "kafka.brokers.storage=20480Mi",
        "kafka.brokers.heap=1200m",
        "kafka.config.log\\.retention\\.hours=24",
        "mongodb.cacheGB=0.6",
        "mongodb.tls.enabled=true",
        "shop.server.replicas=4",
        "operator.replicas=2",
        "global.commonLabels.team=shop",
    ],
)
def test_what_may_change_goes_through(upgrade: Upgrade, value: str) -> None:
    assert upgrade("--set", value)


def test_a_claim_that_was_taken_away_from_its_volumes_may_come_back_larger(
    installed: list[Manifest], upgrade_of: Callable[[list[Manifest]], Upgrade]
) -> None:
    """The recipe of docs/how-to/kubernetes.md: the set is deleted, its pods and volumes stay."""
    left = [each for each in installed if each["metadata"]["name"] != "shop-kafka-broker"]
    made = upgrade_of(left)("--set", "kafka.brokers.storage=30Gi")
    [brokers] = [
        each for each in made if each["metadata"]["name"] == "shop-kafka-broker" and each["kind"] == "StatefulSet"
    ]
    assert brokers["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == "30Gi"


def test_values_that_an_older_chart_did_not_have_may_be_missing() -> None:
    """`helm upgrade --reuse-values` brings the defaults of the chart that was installed."""
    since = ("secrets", "dns", "scrapers", "pods", "commonLabels", "monitoring")
    newer = tuple(f"global.{value}" for value in since)
    more = (
        "uninstall",
        "extraObjects",
        "commonLabels",
        "kafka.offsetsRetentionDays",
        "kafka.extraVolumes",
        "kafka.clusterId",
        "kafka.security.certificate.restartSeconds",
        "operator.podLabels",
    )
    words = (*PROFILES["gitops"], "--set", "global.secrets=null")
    made = render(*words, "--set", ",".join(f"{value}=null" for value in (*newer, *more)))
    assert len(made) == len(render(*PROFILES["gitops"]))


def data_of(manifests: list[Manifest]) -> dict[str, Any]:
    return {each["metadata"]["name"]: each.get("data") for each in manifests if each["kind"] == "Secret"}


def test_an_upgrade_changes_no_secret_in_use_and_no_job(upgrade: Upgrade, installed: list[Manifest]) -> None:
    again = upgrade()
    assert data_of(again) == data_of(installed)
    jobs = [{each["metadata"]["name"] for each in made if each["kind"] == "Job"} for made in (installed, again)]
    assert jobs[0] == jobs[1]


def test_another_password_in_a_secret_of_ones_own_makes_another_job(
    upgrade_of: Callable[[list[Manifest]], Upgrade],
) -> None:
    names = set()
    for password in (b"one", b"two"):
        data = {"admin": base64.b64encode(password).decode()}
        head = {"name": "shop-kafka-users", "namespace": "shop"}
        made = upgrade_of([{"apiVersion": "v1", "kind": "Secret", "metadata": head, "data": data}])(*PROFILES["gitops"])
        names |= {
            each["metadata"]["name"] for each in made if each["kind"] == "Job" and "access" in each["metadata"]["name"]
        }
    assert len(names) == 2


def test_another_version_of_the_chart_restarts_no_pod(tmp_path: Path) -> None:
    """Kafka and MongoDB are restarted by their own values only (docs/how-to/kubernetes.md)."""
    newer = tmp_path / "scalable-shop"
    shutil.copytree(UMBRELLA, newer)
    for file in [*newer.rglob("Chart.yaml"), *newer.rglob("Chart.lock")]:
        file.write_text(file.read_text().replace(VERSION, "9.9.9"))
    # The shop's own images go by the version, unless a tag is said.
    words = (*PROFILES["gitops"], "--set", f"shop.images.tag={VERSION},operator.image.tag={VERSION}")

    def templates(chart: Path) -> dict[str, Any]:
        return {
            f"{each['kind']}/{each['metadata']['name']}": each["spec"]["template"]
            for each in render(*words, chart=chart)
            if each["kind"] in ("StatefulSet", "Deployment", "Job")
        }

    old, new = templates(UMBRELLA), templates(newer)
    assert old == new and len(old) >= 6
    assert "9.9.9" in str(render(*words, chart=newer))
