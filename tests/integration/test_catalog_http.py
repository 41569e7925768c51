"""The HTTP contract of products and reviews, on a real platform."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import brotli
import msgspec
import pytest

from shop_core.events.catalog import RATINGS_TOPIC, RatingChanged
from shop_core.kafka.topic_reader import read_all

if TYPE_CHECKING:
    from tests.conftest import Platform

JSON = {"Content-Type": "application/json"}
WAIT = {"Prefer": "wait=10"}


def send(platform: Platform, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """One command, waited for unless `Prefer` says otherwise."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    payload = None if body is None else json.dumps(body).encode()
    return platform.request(method, path, body=payload, headers=JSON | WAIT | named)


def product(platform: Platform, **more: Any) -> str:
    """The id of a stored product."""
    answer = send(platform, "POST", "/v1/products", {"name": "Brass lamp", "price": "39.90"} | more)
    assert answer.status == 201, answer.data
    return str(answer.json()["id"])


def review(platform: Platform, id: str, stars: int, user: str | None = None, **more: Any) -> str:
    body = {"userid": user or uuid.uuid4().hex, "firstName": "Ada", "rating": stars} | more
    answer = send(platform, "POST", f"/v1/products/{id}/reviews", body)
    assert answer.status == 201, answer.data
    return str(answer.json()["id"])


def read(platform: Platform, path: str, status: int = 200) -> Any:
    answer = platform.request("GET", path)
    assert answer.status == status, answer.data
    return answer.json()


def test_a_product_is_what_it_was_made_of_and_has_no_average_yet(platform: Platform) -> None:
    id = product(platform, description="Glows.", tags=["light", "gift"])
    found = read(platform, f"/v1/products/{id}")
    assert found["name"], found["price"] == ("Brass lamp", "39.90")
    assert (found["description"], found["tags"], found["averageRating"]) == ("Glows.", ["light", "gift"], None)
    assert (found["reviewCount"], found["histogram"]) == (0, dict.fromkeys("12345", 0))


def test_commands_answer_by_what_they_did_and_before_it_by_202(platform: Platform) -> None:
    id = product(platform)
    place = f"/v1/products/{id}"
    early = platform.request("PATCH", place, body=b'{"price":"5"}', headers=JSON)
    assert early.status == 202
    assert {"id", "receipt", "state"} == set(early.json())
    assert early.json()["id"] == id
    assert send(platform, "PUT", place, {"name": "Lamp", "price": 7.5}).status == 200
    gone = send(platform, "DELETE", place)
    assert (gone.status, gone.data, gone.headers["X-Id"]) == (204, b"", id)
    assert gone.headers["X-Receipt"].startswith("shop.catalog-")
    read(platform, place, 404)


def test_put_replaces_and_patch_changes(platform: Platform) -> None:
    id = product(platform, description="Old.", tags=["a"])
    send(platform, "PATCH", f"/v1/products/{id}", {"price": "41.50"})
    found = read(platform, f"/v1/products/{id}")
    assert (found["price"], found["description"], found["tags"]) == ("41.50", "Old.", ["a"])
    send(platform, "PUT", f"/v1/products/{id}", {"name": "Lamp", "price": "1"})
    found = read(platform, f"/v1/products/{id}")
    assert (found["name"], found["description"], found["tags"]) == ("Lamp", "", [])


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"name": "x"}, 422, "price"),
        ({"name": "", "price": "1"}, 422, "name"),
        ({"name": "x", "price": "1.234"}, 422, "price"),
        ({"name": "x", "price": "1", "description": "é" * 131_073}, 413, "description"),
        ({"name": "x", "price": "1", "tags": ["t"] * 21}, 422, "tags"),
        ({"name": "x", "price": "1", "colour": "red"}, 422, "colour"),
    ],
)
def test_a_product_that_breaks_a_rule_is_refused_by_the_field(
    platform: Platform, body: Any, status: int, field: str
) -> None:
    answer = send(platform, "POST", "/v1/products", body)
    assert (answer.status, answer.json()["field"]) == (status, field)


def test_the_longest_text_is_kept_whole(platform: Platform) -> None:
    text = "é" * 131_072
    assert read(platform, f"/v1/products/{product(platform, description=text)}")["description"] == text


def test_long_reviews_come_in_pages_that_are_not_too_long(platform: Platform) -> None:
    id, text = product(platform), "It burns all night. " * 3276  # 64 KiB but for a few bytes
    for number in range(20):
        review(platform, id, 5, f"u{number}", text=text)
    too_long = {"userid": "u", "firstName": "Ada", "rating": 1, "text": text + "x" * 17}
    assert send(platform, "POST", f"/v1/products/{id}/reviews", too_long).status == 422
    pages: list[Any] = [read(platform, f"/v1/products/{id}/reviews?limit=50")]
    while (cursor := pages[-1]["next"]) is not None:
        pages.append(read(platform, f"/v1/products/{id}/reviews?limit=50&cursor={cursor}"))
    assert [len(page["reviews"]) for page in pages] == [16, 4]
    assert {each["userid"] for page in pages for each in page["reviews"]} == {f"u{number}" for number in range(20)}
    assert all(each["text"] == text for page in pages for each in page["reviews"])


def test_a_body_without_end_is_refused(platform: Platform) -> None:
    body = {"name": "x", "price": "1", "description": "x" * 1_100_000}
    assert send(platform, "POST", "/v1/products", body).status == 413


def test_reviews_make_the_average_and_their_changes_change_it(platform: Platform) -> None:
    id = product(platform)
    first = review(platform, id, 5, "u1")
    review(platform, id, 4, "u2", lastName="L")
    review(platform, id, 4, "u3", displayName="Bob")
    rating = read(platform, f"/v1/products/{id}/rating")
    assert (rating["averageRating"], rating["reviewCount"], rating["histogram"]["4"]) == (4.33, 3, 2)
    own = f"/v1/products/{id}/reviews/{first}"
    assert send(platform, "PUT", own, {"userid": "u1", "firstName": "Ada", "rating": 1}).status == 200
    assert read(platform, f"/v1/products/{id}/rating")["averageRating"] == 3.0
    assert read(platform, own)["rating"] == 1
    assert send(platform, "DELETE", f"{own}?userid=u1").status == 204
    assert read(platform, f"/v1/products/{id}")["averageRating"] == 4.0
    read(platform, own, 404)
    review(platform, id, 2, "u1")


def test_a_user_reviews_a_product_once_and_only_the_author_changes_it(platform: Platform) -> None:
    id = product(platform)
    first = review(platform, id, 5, "u1")
    body = {"userid": "u1", "firstName": "Ada", "rating": 1}
    again = send(platform, "POST", f"/v1/products/{id}/reviews", body)
    assert (again.status, again.json()["detail"]) == (409, f"this user has reviewed product {id} already")
    assert read(platform, f"/v1/receipts/{again.json()['receipt']}")["state"] == "rejected"
    other = send(platform, "PUT", f"/v1/products/{id}/reviews/{first}", body | {"userid": "u2"})
    assert other.status == 422
    assert send(platform, "DELETE", f"/v1/products/{id}/reviews/{first}?userid=u2").status == 422
    assert send(platform, "DELETE", f"/v1/products/{id}/reviews/{first}").status == 400
    assert read(platform, f"/v1/products/{id}/rating")["averageRating"] == 5.0


def test_a_review_of_an_unknown_product_is_rejected_with_its_reason(platform: Platform) -> None:
    answer = send(platform, "POST", "/v1/products/nowhere/reviews", {"userid": "u", "firstName": "A", "rating": 3})
    assert (answer.status, answer.json()["detail"]) == (422, "product nowhere is not in the catalog")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": 4.5}, "rating"),
        ({"text": "é" * 32_769}, "text"),
        ({"firstName": None}, "firstName"),
        ({"userid": ""}, "userid"),
    ],
)
def test_a_review_that_breaks_a_rule_is_refused_by_the_field(platform: Platform, change: Any, field: str) -> None:
    body = {"userid": "u", "firstName": "Ada", "rating": 3} | change
    answer = send(platform, "POST", "/v1/products/any/reviews", body)
    assert (answer.status, answer.json()["field"]) == (422, field)


def test_a_product_takes_its_reviews_with_it(platform: Platform) -> None:
    id = product(platform)
    said = review(platform, id, 5)
    send(platform, "DELETE", f"/v1/products/{id}")
    for path in ("", "/rating", "/reviews", f"/reviews/{said}"):
        read(platform, f"/v1/products/{id}{path}", 404)
    assert platform.db["reviews"].count_documents({"productid": id}) == 0


def test_reviews_are_listed_newest_highest_and_lowest_page_by_page(platform: Platform) -> None:
    id = product(platform)
    stars = [3, 5, 1, 4, 2]
    for number, star in enumerate(stars):
        review(platform, id, star, timestamp=f"2026-01-0{number + 1}T00:00:00Z")
    for sort, expected in (("newest", stars[::-1]), ("highest", [5, 4, 3, 2, 1]), ("lowest", [1, 2, 3, 4, 5])):
        found: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            page = read(platform, f"/v1/products/{id}/reviews?sort={sort}&limit=2{cursor and '&cursor=' + cursor}")
            found += [each["rating"] for each in page["reviews"]]
            cursor = page["next"]
        assert found == expected, sort
    with_reviews = read(platform, f"/v1/products/{id}?reviews=2")
    assert [each["rating"] for each in with_reviews["reviews"]["reviews"]] == [2, 4]
    assert with_reviews["reviews"]["next"]


def through_all_pages(platform: Platform, query: str) -> list[dict[str, Any]]:
    """The products of a list, page by page to its end."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = read(platform, f"/v1/products?{query}{cursor and '&cursor=' + cursor}")
        found += page["products"]
        cursor = page["next"]
    return found


def test_products_are_listed_in_each_order_and_by_prefix(platform: Platform) -> None:
    mark = uuid.uuid4().hex[:8]
    made = [
        product(platform, name=f"{mark} Beta", price="10"),
        product(platform, name=f"{mark.upper()} alpha", price="9.99"),
        product(platform, name=f"{mark} gamma", price="100"),
    ]
    review(platform, made[0], 4)
    review(platform, made[2], 2)
    orders = {
        "name": [1, 0, 2], "-name": [2, 0, 1], "price": [1, 0, 2], "-price": [2, 0, 1], "rating": [0, 2, 1],
        "-rating": [1, 2, 0], "rank": [0, 1, 2], "newest": [2, 1, 0], "oldest": [0, 1, 2],
    }  # fmt: skip
    for sort, expected in orders.items():
        found = through_all_pages(platform, f"prefix={mark}&sort={sort}&limit=2")
        assert [each["id"] for each in found] == [made[number] for number in expected], sort
        assert all("description" not in each for each in found)


def test_products_are_found_by_the_beginnings_of_words_in_each_order(platform: Platform) -> None:
    mark = f"w{uuid.uuid4().hex[:8]}"
    made = [("Brass Lämp", "30", ["Gift idea"]), ("Iron lamp", "10", []), ("Brass bell", "20", ["lamplight"])]
    ids = [product(platform, name=f"{name} {mark}", price=price, tags=tags) for name, price, tags in made]
    for words, expected in (
        ("lam", [1, 2, 0]), ("BRASS", [2, 0]), ("lamp iro", [1]), ("idea gift", [0]), ("ämp", []), ("lamp bell", [2]),
        ("brass -- lamp!", [2, 0]), ("amp", []),
    ):  # fmt: skip
        found = through_all_pages(platform, f"q={quote(f'{mark} {words}')}&sort=price&limit=1")
        assert [doc["id"] for doc in found] == [ids[n] for n in expected], words
    send(platform, "PATCH", f"/v1/products/{ids[1]}", {"name": f"Iron bell {mark}"})
    assert [doc["id"] for doc in through_all_pages(platform, f"q={mark}+bell&sort=price")] == [ids[1], ids[2]]
    assert through_all_pages(platform, f"q={mark}+bell&sort=price&tag=lamplight")[0]["id"] == ids[2]
    for nothing in ("!!", "a b c d e f g h i"):
        answer = platform.request("GET", f"/v1/products?q={quote(nothing)}")
        assert (answer.status, answer.json()["field"]) == (400, "q")


def test_products_are_listed_by_tag_in_each_order_and_together_with_a_prefix(platform: Platform) -> None:
    mark = uuid.uuid4().hex[:8]
    tag = f"tag {mark}"
    named = [(f"{mark} b", "2", ["x", tag]), (f"{mark} a", "3", [tag]), ("other", "1", [tag])]
    made = [product(platform, name=name, price=price, tags=tags) for name, price, tags in named]
    product(platform, name=f"{mark} c", tags=[mark, tag.upper()])
    orders = {"&sort=price": [2, 0, 1], f"&sort=name&prefix={mark}": [1, 0], "&sort=oldest": [0, 1, 2]}
    for query, expected in orders.items():
        found = through_all_pages(platform, f"tag=tag%20{mark}{query}&limit=1")
        assert [each["id"] for each in found] == [made[number] for number in expected], query
    assert read(platform, f"/v1/products?tag={mark}-none")["products"] == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/products?sort=best", "sort"),
        ("/v1/products?tag=a%00b", "tag"),
        ("/v1/products?limit=0", "limit"),
        ("/v1/products?cursor=x", "cursor"),
        ("/v1/products?colour=red", "colour"),
        ("/v1/products/any?reviews=0", "reviews"),
        ("/v1/products/any/reviews?sort=worst", "sort"),
    ],
)
def test_a_query_that_is_none_is_refused_by_its_argument(platform: Platform, path: str, field: str) -> None:
    assert read(platform, path, 400)["field"] == field


def test_a_cursor_of_another_order_is_refused(platform: Platform) -> None:
    product(platform), product(platform)
    cursor = read(platform, "/v1/products?sort=name&limit=1")["next"]
    assert read(platform, f"/v1/products?sort=price&cursor={cursor}", 400)["field"] == "cursor"


def test_a_purchase_of_the_product_verifies_its_buyers_review(platform: Platform) -> None:
    id, user = product(platform), uuid.uuid4().hex
    review(platform, id, 5, user)
    review(platform, id, 5)
    bought = {"username": "ada", "userid": user, "price": "39.90", "productid": id}
    made = send(platform, "POST", "/v1/purchases", bought)
    reviews = read(platform, f"/v1/products/{id}/reviews?after={made.json()['receipt']}")["reviews"]
    assert {each["userid"] == user: each["verifiedPurchase"] for each in reviews} == {True: True, False: False}
    assert read(platform, f"/v1/users/{user}/purchases")["purchases"][0]["productid"] == id


def test_a_key_makes_a_command_harmless_to_repeat(platform: Platform) -> None:
    key = uuid.uuid4().hex
    body = {"name": "Once", "price": "1"}
    first, second = (send(platform, "POST", "/v1/products", body, Idempotency_Key=key) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert (first.status, second.status) == (201, 201)
    assert send(platform, "POST", "/v1/products", body | {"price": "2"}, Idempotency_Key=key).status == 409
    assert read(platform, f"/v1/products/{first.json()['id']}")["version"] == 1


def test_each_change_of_a_rating_is_told_to_other_services(platform: Platform, until: Callable[..., None]) -> None:
    id = product(platform)
    own = review(platform, id, 5, "u1")
    send(platform, "PUT", f"/v1/products/{id}/reviews/{own}", {"userid": "u1", "firstName": "Ada", "rating": 2})

    def told() -> list[RatingChanged]:
        found = [message for message in read_all(platform.kafka, RATINGS_TOPIC) if message.key == id.encode()]
        return [msgspec.json.decode(message.value or b"", type=RatingChanged) for message in found]

    until(lambda: len(told()) >= 2, "both changes are told")
    assert [(each.sequence, each.sum, each.average) for each in told()] == [(1, 5, 5.0), (2, 2, 2.0)]
    until(lambda: platform.db["outbox"].count_documents({"key": id.encode()}) == 0, "the outbox is empty")


def test_the_sweep_of_derived_events_walks_an_index(platform: Platform) -> None:
    waiting = platform.db["outbox"].find({"source": "shop.catalog", "partition": {"$in": [0, 1]}})
    plan = waiting.sort("order", 1).explain()["queryPlanner"]["winningPlan"]
    assert "'indexName': 'source_partition_order'" in str(plan)


@pytest.mark.parametrize(
    ("asked", "used", "unpack"),
    [
        ("gzip", "gzip", gzip.decompress),
        ("br, gzip", "br", brotli.decompress),
        ("br;q=0, gzip", "gzip", gzip.decompress),
    ],
)
def test_a_list_is_packed_when_asked(
    platform: Platform, asked: str, used: str, unpack: Callable[[bytes], bytes]
) -> None:
    for _ in range(5):
        product(platform, name="Packed " + "x" * 100)
    path = "/v1/products?prefix=packed"
    headers = {"Accept-Encoding": asked}
    answer = platform.request("GET", path, headers=headers, decode_content=False)
    assert (answer.headers["Content-Encoding"], "Accept-Encoding" in answer.headers["Vary"]) == (used, True)
    plain = platform.request("GET", path)
    assert "Content-Encoding" not in plain.headers
    assert json.loads(unpack(answer.data)) == plain.json()
    headers["If-None-Match"] = answer.headers["ETag"]
    assert platform.request("GET", path, headers=headers).status == 304


def test_ratings_verify_and_the_topic_rebuilds_the_same(platform: Platform) -> None:
    id = product(platform)
    review(platform, id, 5)
    assert "all exact" in platform.shopctl("verify", "ratings").stdout
    platform.db["products"].update_one({"_id": id}, {"$inc": {"rating.sum": 1}})
    try:
        wrong = platform.shopctl("verify", "ratings")
        assert (wrong.returncode, id in wrong.stdout) == (3, True)
        checked = platform.shopctl("rebuild", "catalog", "--check")
        assert (checked.returncode, f"products {id}: differs" in checked.stdout) == (3, True), checked
    finally:
        platform.db["products"].update_one({"_id": id}, {"$inc": {"rating.sum": -1}})
    assert platform.shopctl("rebuild", "catalog", "--check").returncode == 0
    assert "products_g1" not in platform.db.list_collection_names()
    for words in (("verify", "ratings"), ("rebuild", "catalog")):
        away = platform.shopctl(*words, MONGODB_URI="mongodb://127.0.0.1:9")
        assert (away.returncode, away.stderr.count("\n")) == (4, 2), "where it was asked; no verdict, in one sentence"


def test_an_id_in_any_script_is_answered_percent_encoded_in_headers(platform: Platform) -> None:
    answer = send(platform, "DELETE", "/v1/products/%F0%A0%98%8E%25", Prefer="wait=0")
    assert answer.status == 202
    assert (answer.headers["X-Id"], answer.json()["id"]) == ("%F0%A0%98%8E%25", "𠘎%")
