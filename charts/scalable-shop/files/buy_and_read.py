"""`helm test`: buys something through cm-server and reads it back, by the way a client goes."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

BASE = os.environ["SHOP_URL"]
USER = f"helm-test-{uuid.uuid4().hex[:12]}"
PATIENCE = 180
KEY = Path(os.environ["KEY_FILE"])
HEADERS = {"Content-Type": "application/json"}
if KEY.exists():
    HEADERS["Authorization"] = f"Bearer {KEY.read_text().strip()}"


def call(method: str, path: str, body: dict[str, str] | None = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, HEADERS, method=method)
    with urllib.request.urlopen(request, timeout=15) as answer:
        return json.load(answer)


def insist(method: str, path: str, body: dict[str, str] | None = None) -> dict[str, object]:
    """A start or a rolling upgrade answers 503 for a while, and a consumer at zero needs time to wake."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call(method, path, body)
        except (urllib.error.URLError, TimeoutError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403):
                sys.exit(f"{method} {path}: {error}; name a Secret with an API key by auth.testKeySecret")
            if time.monotonic() > deadline:
                sys.exit(f"{method} {path} still fails after {PATIENCE} s: {error}")
            print(f"{method} {path}: {error}; again", flush=True)
            time.sleep(2)


bought = insist("POST", "/buy", {"username": USER, "userid": USER, "price": "12.50"})
print("bought:", bought, flush=True)
found = insist("GET", f"/getAllUserBuys/{USER}?after={bought['receipt']}")
prices = [purchase["price"] for purchase in found["purchases"]]
if prices != ["12.50"]:
    sys.exit(f"read back {found}, but one purchase of 12.50 was expected")
print("read back:", found)
