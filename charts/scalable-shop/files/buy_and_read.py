"""`helm test`: buys something through cm-server and reads it back, by the way a client goes."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

BASE = os.environ["SHOP_URL"]
USER = f"helm-test-{uuid.uuid4().hex[:12]}"
PATIENCE = 180


def call(method: str, path: str, body: dict[str, str] | None = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=15) as answer:
        return json.load(answer)


def insist(method: str, path: str, body: dict[str, str] | None = None) -> dict[str, object]:
    """A start or a rolling upgrade answers 503 for a while, and a consumer at zero needs time to wake."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call(method, path, body)
        except (urllib.error.URLError, TimeoutError) as error:
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
