"""The Job that makes MongoDB's indexes before the consumers start. Its name carries a hash of what it depends on, so a
new image or another database makes a new Job."""

from __future__ import annotations

import hashlib
import json

from shop_operator.desired import credentials, scheduling
from shop_operator.desired.base import Manifest, labels, manifest
from shop_operator.desired.http_services import API, USER, full_name
from shop_operator.desired.pods import Container, PodOptions, pod, variables


def job(shop: Manifest) -> Manifest:
    """`python -m cm_api.indexes`; safe to repeat."""
    spec, images = shop["spec"], shop["spec"]["images"]
    proof = credentials.of_indexes(shop)
    container = Container(
        name="indexes",
        image=images["cmApi"],
        pull_policy=images["pullPolicy"],
        command=["python", "-m", "cm_api.indexes"],
        user=USER,
        env=variables({"MONGODB_DATABASE": spec["mongodb"]["database"]} | proof.env, []),
        folders=proof.folders,
    )
    options = PodOptions(
        pull_secrets=images.get("pullSecrets", []),
        service_account=full_name(shop, API),
        restart="OnFailure",
        settings=scheduling.merged(spec.get("pods"), spec.get("api", {}).get("pods")),
    )
    marks = labels("indexes", shop["metadata"]["name"], "indexes")
    wanted = pod(container, options)
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:8]
    name = full_name(shop, f"indexes-{digest}")
    # Fails early and is made anew by the operator, as a pod's own back-off grows to minutes.
    template = {"metadata": scheduling.metadata(options.settings, marks), "spec": wanted}
    job_spec = {"backoffLimit": 4, "activeDeadlineSeconds": 600, "template": template}
    return manifest("Job", name, shop, marks, spec=job_spec)


def done(live: Manifest | None) -> bool:
    return _has(live, "Complete")


def failed(live: Manifest | None) -> bool:
    return _has(live, "Failed")


def _has(live: Manifest | None, kind: str) -> bool:
    conditions = (live or {}).get("status", {}).get("conditions", [])
    return any(entry["type"] == kind and entry["status"] == "True" for entry in conditions)
