"""What the shop says, through every page of every list, against what the rules give. A line for each difference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from shop_model.rules import Analytics, Catalog, Domain, Product, Profile, Purchases

Ask = Callable[[str], tuple[int, Any]]


def asker(request: Callable[..., Any]) -> Ask:
    def ask(path: str) -> tuple[int, Any]:
        answer = request("GET", path, headers={"Accept": "application/json"})
        return answer.status, json.loads(answer.data)

    return ask


def pages(ask: Ask, path: str, name: str, **query: str) -> list[dict[str, Any]]:
    """Every item of a list."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        more: dict[str, str] = {} if cursor is None else {"cursor": cursor}
        status, page = ask(f"{path}?{urlencode({'limit': '3', **query, **more})}")
        if status == 404:
            return found
        assert status == 200, (path, page)
        found += page[name]
        if (cursor := page["next"]) is None:
            return found


def of_receipts(ask: Ask, domain: Domain, asked: set[str]) -> Iterator[str]:
    """What became of each record, by its receipt; not of those asked before, nor of an erasure's other copies."""
    yield from (fault for fault in domain.faults if fault not in asked)
    asked.update(domain.faults)
    for receipt, status in domain.became.items():
        if receipt in asked or receipt in domain.copies:
            continue
        asked.add(receipt)
        _, said = ask(f"/v1/receipts/{receipt}")
        told = said.get("status") if said.get("state") == "rejected" else {"stored": 200}.get(said.get("state"))
        if told != status:
            yield f"receipt {receipt}: {said}, but by the rules {status}"


def of_purchases(ask: Ask, model: Purchases, users: Iterable[str]) -> Iterator[str]:
    for user in users:
        mine = model.of(user)
        told = pages(ask, f"/v1/users/{user}/purchases", "purchases")
        yield from differs(f"purchases of {user}", {each["_id"]: each["price"] for each in told},
                           {id: each["price"] for id, each in mine.items()})  # fmt: skip
        yield from newest_first(f"purchases of {user}", told)
        status, said = ask(f"/v1/users/{user}")
        profile = None
        if status != 404:
            first, last = (datetime.fromisoformat(said[name]) for name in ("firstPurchase", "lastPurchase"))
            profile = Profile(said["count"], Decimal(said["totalSpent"]), first, last, said["username"])
        yield from differs(f"profile of {user}", profile, model.profile(user))


def of_catalog(ask: Ask, model: Catalog, buyers: Purchases, products: Iterable[str]) -> Iterator[str]:
    listed = {each["id"] for each in pages(ask, "/v1/products", "products")}
    yield from differs("products", listed & set(products), set(model.products) & set(products))
    for id in products:
        status, said = ask(f"/v1/products/{id}")
        if status == 404 or id not in model.products:
            yield from differs(f"product {id}", status != 404, id in model.products)
            continue
        yield from of_product(said, model.products[id], model.stars(id))
        bought = {each["userid"] for _, each in buyers.made.values() if each.get("productid") == id}
        expected = {
            review: (data["userid"], data["rating"], data["text"], data["userid"] in bought)
            for review, data in model.of_product(id).items()
        }
        for sort in ("newest", "highest", "lowest"):
            told = pages(ask, f"/v1/products/{id}/reviews", "reviews", sort=sort)
            shown = {r["id"]: (r["userid"], r["rating"], r["text"], r["verifiedPurchase"]) for r in told}
            yield from differs(f"reviews of {id}, {sort}", shown, expected)
            if sort == "newest":
                yield from newest_first(f"reviews of {id}", told)
            elif (stars := [r["rating"] for r in told]) != sorted(stars, reverse=sort == "highest"):
                yield f"reviews of {id} are not in the order of {sort}"


def raised(ask: Ask, model: Catalog, spoiled: Iterable[str]) -> Iterator[str]:
    """The numbers of these are higher than the rules give, as somebody may have read what was wrong under those. The
    model takes them over, so that all else can be compared."""
    for id in spoiled:
        _, said = ask(f"/v1/products/{id}")
        product = model.products[id]
        before, now = (product.sequence, product.version), (said["sequence"], said["version"])
        if not (now[0] > before[0] and now[1] > before[1]):
            yield f"sequence and version of {id} after a repair: {now}, before it {before}"
        product.sequence, product.version = now


def of_product(said: dict[str, Any], model: Product, stars: list[int]) -> Iterator[str]:
    names = ("averageRating", "reviewCount", "histogram", "sequence", "version", "name")
    average = float(round(Decimal(sum(stars)) / len(stars) + Decimal("1e-9"), 2)) if stars else None
    histogram = {str(star): stars.count(star) for star in range(1, 6)}
    expected = (average, len(stars), histogram, model.sequence, model.version, model.data["name"])
    yield from differs(f"product {said['id']}", tuple(said[name] for name in names), expected)


def of_exports(ask: Ask, purchases: Purchases, catalog: Catalog, users: Iterable[str]) -> Iterator[str]:
    for user in users:
        _, said = ask(f"/v1/users/{user}/export")
        yield from differs(f"export of {user}", {each["_id"] for each in said["purchases"]}, set(purchases.of(user)))
        yield from differs(f"export of {user}", {each["id"] for each in said["reviews"]}, catalog.of_user(user))


def of_analytics(ask: Ask, model: Analytics, users: Iterable[str]) -> Iterator[str]:
    """The hours and days in which any of `users` was ever seen."""
    for length, number in sorted({bucket for user in users for bucket in model.seen[user]}):
        counts = model.counts[length, number]
        step, start = "hour" if length == 3_600_000 else "day", number * length
        _, said = ask(f"/analytics/series?step={step}&from={start}&to={start + 1}")
        told = {name: said["series"][0][name] for name in counts}
        yield from differs(f"{step} {number}", told, counts)


def of_ratings(told: Iterable[dict[str, Any]], model: Catalog) -> Iterator[str]:
    """`shop.ratings`: one content a sequence, and the highest is how it is."""
    newest: dict[str, dict[int, Any]] = {}
    for each in told:
        known = newest.setdefault(each["productid"], {}).setdefault(each["sequence"], each)
        yield from differs(f"rating {each['sequence']} of {each['productid']}", each, known)
    for id, sequences in newest.items():
        if id in model.products:
            last = sequences[max(sequences)]
            expected = (model.products[id].sequence, len(model.stars(id)), sum(model.stars(id)))
            yield from differs(f"last rating of {id}", (last["sequence"], last["count"], last["sum"]), expected)


def newest_first(what: str, told: list[dict[str, Any]]) -> Iterator[str]:
    moments = [datetime.fromisoformat(each["timestamp"]) for each in told]
    if moments != sorted(moments, reverse=True):
        yield f"{what} are not newest first: {moments}"


def differs(what: str, told: Any, expected: Any) -> Iterator[str]:
    if told == expected:
        return
    if isinstance(told, list) and isinstance(expected, list):
        alone, missing = ([e for e in some if e not in others] for some, others in ((told, expected), (expected, told)))
        yield f"{what}: " + (f"told {alone}, not told {missing}" if alone or missing else f"in another order: {told}")
    else:
        yield f"{what}: told {told}, by the rules {expected}"
