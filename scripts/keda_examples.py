"""Writes keda/examples from the operator's own builders, so that what a reader sees is what the operator makes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from shop_operator.desired import scaler

FOLDER = Path(__file__).resolve().parent.parent / "keda" / "examples"
CONSUMER: dict[str, Any] = {
    "apiVersion": "scalable-shop.dev/v1alpha1",
    "kind": "ShopConsumer",
    "metadata": {"name": "purchases", "namespace": "shop", "uid": "11111111-2222-3333-4444-555555555555"},
    "spec": {
        "topic": "shop.purchases",
        "group": "cm-api-purchases",
        "kafka": {"bootstrapServers": "shop-kafka:9092", "secretRef": {"name": "kafka-login"}},
        "minReplicas": 0,
        "maxReplicas": 12,
        "lagThreshold": 100,
        "pollingInterval": 5,
        "cooldownPeriod": 60,
    },
}
HEADS = {
    "scaledobject.yaml": "What the operator makes of ShopConsumer purchases (by scripts/keda_examples.py).",
    "scaledobject-pinned.yaml": "The same after `kubectl scale shopconsumer/purchases --replicas=5`.",
    "triggerauthentication.yaml": "How KEDA logs in to Kafka by Secret kafka-login; made only with kafka.secretRef.",
}


def examples() -> dict[str, str]:
    """The text of each example by its file's name."""
    pinned = {**CONSUMER, "spec": CONSUMER["spec"] | {"replicas": 5}}
    made = {
        "scaledobject.yaml": scaler.scaled_object(CONSUMER, CONSUMER["spec"]["lagThreshold"], 12),
        "scaledobject-pinned.yaml": scaler.scaled_object(pinned, CONSUMER["spec"]["lagThreshold"], 12),
        "triggerauthentication.yaml": scaler.trigger_authentication(CONSUMER, ["password", "sasl", "username"]),
    }
    return {name: f"# {HEADS[name]}\n" + yaml.safe_dump(made[name], sort_keys=False) for name in made}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in examples().items():
        (FOLDER / name).write_text(text)
    sys.stdout.write("keda/examples is fresh\n")
