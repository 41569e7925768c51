"""Rendering without a cluster, as Argo CD does: the same each time, and never a random secret."""

from __future__ import annotations

from typing import Any

import pytest

from shop_cluster.rendering import PROFILES, UMBRELLA, Manifest, RenderError, pods, render, render_text

GITOPS = PROFILES["gitops"]
EVERYTHING = (*GITOPS, "--set", "mongodb.tls.enabled=true")
REFUSED = ("--set", "global.secrets.generate=false")
# What makes a Secret at random, and the value that names one instead.
MADE = {
    "kafka.security.existingSecrets": ("users=,{0}.operator=,{0}.keda=", "existingSecrets.users"),
    "kafka.security.certificate.existingSecret": ("", "kafka.security.certificate.existingSecret"),
    "mongodb.auth.existingSecret": ("", "mongodb.auth.existingSecret"),
    "mongodb.tls.existingSecret": ("", "mongodb.tls.existingSecret"),
    "auth.existingSecret": ("", "auth.existingSecret"),
    "auth.serviceToken.existingSecret": ("", "auth.serviceToken.existingSecret"),
    "kafkaUi.existingSecret": ("", "kafkaUi.existingSecret"),
    "mongoExpress.existingSecret": ("", "mongoExpress.existingSecret"),
}


@pytest.mark.parametrize("profile", ["values-dev.yaml", "values-prod.yaml", ""])
def test_two_renders_are_equal_byte_by_byte(profile: str) -> None:
    words = ("-f", str(UMBRELLA / profile)) if profile else ()
    first, second = (render_text(*words, *EVERYTHING) for _ in range(2))
    assert first == second
    assert "\nkind: Secret\n" not in first


def test_nothing_is_made_at_random_where_that_is_forbidden() -> None:
    with pytest.raises(RenderError, match="no Secret is made at random"):
        render(*REFUSED)


@pytest.mark.parametrize("value", MADE)
def test_each_secret_that_would_be_made_is_named(value: str) -> None:
    more, said = MADE[value]
    words = f"{value}.{more.format(value)}" if more else f"{value}="
    with pytest.raises(RenderError, match=said):
        render(*EVERYTHING, "--set", words)


def secrets_asked_for(manifests: list[Manifest]) -> set[str]:
    """Those that a pod mounts or reads, and that the Shop names."""
    found: set[str] = set()

    def look(part: Any) -> None:
        if isinstance(part, list):
            for item in part:
                look(item)
        elif isinstance(part, dict):
            for key, value in part.items():
                if (
                    key in ("secretKeyRef", "secret")
                    or key.endswith("SecretRef")
                    or key in ("secretRef", "caSecretRef")
                ):
                    found.add(value.get("name") or value.get("secretName"))
                look(value)

    look(list(pods(manifests).values()))
    look([each["spec"] for each in manifests if each["kind"] == "Shop"])
    return found


def test_the_secrets_that_are_named_are_those_that_the_chart_would_have_made() -> None:
    """gitops/README.md makes them by the chart itself, once."""
    made = render(*PROFILES["pages"], "--set", "mongodb.tls.enabled=true")
    assert secrets_asked_for(render(*EVERYTHING)) == secrets_asked_for(made)
    assert secrets_asked_for(made) <= {each["metadata"]["name"] for each in made if each["kind"] == "Secret"}


def test_the_secrets_can_be_had_alone_for_once() -> None:
    """The command of gitops/README.md: one render, so that the three that tell of Kafka's passwords agree."""
    files = ("api-keys", "admin-key", "service-token")
    below = ("kafka/templates/secret-users", "kafka/templates/secret-operator", "kafka/templates/secret-keda")
    chosen = [f"templates/secret-{name}.yaml" for name in files] + [f"charts/{name}.yaml" for name in below]
    chosen += ["charts/kafka/templates/secret-tls.yaml", "charts/mongodb/templates/secret.yaml"]
    made = render(*(word for name in chosen for word in ("--show-only", name)))
    secrets = {each["metadata"]["name"]: each["data"] for each in made if each["kind"] == "Secret"}
    asked = secrets_asked_for(render(*PROFILES["gitops"], "--set", "kafkaUi.enabled=false,mongoExpress.enabled=false"))
    assert set(secrets) == asked
    assert secrets["shop-kafka-operator"]["password"] == secrets["shop-kafka-users"]["operator"]
