"""What nobody may find in what a release tells its operators, and all that it tells them: logs, metrics, Events."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Mapping
from uuid import uuid4

from shop_cluster.installation import Installation

# In the name of whoever buys here (shopping.py), so that whatever a test does with purchases shows where names end up.
CANARY = f"canary{uuid4().hex[:16]}"
SECRET_KEYS = ("password", "key", "token", "keyfile", "rootPassword", "cookieSecret", "sessionSecret")


def secrets(shop: Installation) -> dict[str, str]:
    """What the release's Secrets hold, that nobody may see elsewhere, by where it stands."""
    found = {}
    for secret in shop.get("secrets")["items"]:
        if secret["type"].startswith("helm.sh/"):
            continue
        for key, value in secret.get("data", {}).items():
            text, name = base64.b64decode(value).decode(), secret["metadata"]["name"]
            if name.endswith("-kafka-users") or key in SECRET_KEYS:
                # Of an API key only its last part is secret.
                found[f"{name}/{key}"] = text.rpartition("_")[2] if key == "key" else text
            if key.endswith("keys.json"):
                found |= {f"hash of key {each['id']}": each["hash"] for each in json.loads(text)["keys"]}
    return found


def logs(shop: Installation) -> dict[str, str]:
    """The log of each container, and of the one before it where it was started again."""
    found = {}
    for pod in shop.pods():
        name = pod["metadata"]["name"]
        for container in pod["status"].get("containerStatuses", []):
            words = ("logs", name, "--container", container["name"])
            found[f"log of {name}/{container['name']}"] = shop.kubectl(*words)
            if "running" in container["state"] and "terminated" in container["lastState"]:
                found[f"log before of {name}/{container['name']}"] = shop.kubectl(*words, "--previous")
    return found


def metrics(shop: Installation) -> dict[str, str]:
    running = [pod for pod in shop.pods() if pod["status"]["phase"] == "Running"]
    told = {f"metrics of {pod['metadata']['name']}": shop.metrics(pod) for pod in running}
    return {where: text for where, text in told.items() if text}


def events(shop: Installation) -> dict[str, str]:
    return {"events": json.dumps(shop.get("events"))}


def seen(words: Mapping[str, str], texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Which of the words is where, in clear or as part of a URL."""
    return [
        (what, where)
        for where, text in texts.items()
        for what, word in words.items()
        if word in text or word in urllib.parse.unquote(text)
    ]
