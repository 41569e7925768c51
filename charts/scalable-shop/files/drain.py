"""`helm uninstall`: has the Shop drained while its operator still runs, and waits a bounded time until it is gone.

Helm would take the operator away first, and nobody would work the lag off."""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
NAMESPACE, SHOP, RELEASE = os.environ["NAMESPACE"], os.environ["SHOP"], os.environ["RELEASE"]
SHOP_PATH = f"/apis/scalable-shop.dev/v1alpha1/namespaces/{NAMESPACE}/shops/{SHOP}"
VOLUMES_PATH = (
    f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims?labelSelector=app.kubernetes.io%2Finstance%3D{RELEASE}"
)
TRUST = ssl.create_default_context(cafile=str(TOKEN / "ca.crt"))


def call(method: str, path: str, patch: dict | None = None) -> dict | None:
    """The answer, or None where there is no such thing."""
    headers = {"Authorization": f"Bearer {(TOKEN / 'token').read_text()}"}
    if patch:
        headers["Content-Type"] = "application/merge-patch+json"
    body = json.dumps(patch).encode() if patch else None
    request = urllib.request.Request(API + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15, context=TRUST) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        sys.exit(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}")


def wait_until_gone(deadline: float) -> None:
    told = ""
    while shop := call("GET", SHOP_PATH):
        said = shop.get("status", {}).get("reason", "")
        if said and said != told:
            print(f"Shop {SHOP}: {said}", flush=True)
            told = said
        if time.monotonic() > deadline:
            print(f"Shop {SHOP} was not drained in time; what is left stays in Kafka.")
            call("DELETE", SHOP_PATH)
            return
        time.sleep(1)


call("PATCH", SHOP_PATH, {"metadata": {"annotations": {"scalable-shop.dev/drain": "true"}}})
wait_until_gone(time.monotonic() + int(os.environ["TIMEOUT_SECONDS"]))
print(f"Shop {SHOP} is gone.")
volumes = [volume["metadata"]["name"] for volume in (call("GET", VOLUMES_PATH) or {}).get("items", [])]
if volumes:
    print(
        f"The data stays in these volume claims; delete it by\n  kubectl delete pvc -n {NAMESPACE} {' '.join(volumes)}"
    )
print("The definitions of Shop and ShopConsumer stay in the cluster, for other releases.")
