"""What counts against a limit: what no route took as well, and a request whose body comes late only once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from shop_security.wire import connected

LIMIT = 5


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, make_door: Callable[..., Any]) -> Iterator[Any]:
    settings = {"LIMITS": f"{LIMIT}/60", "HTTP_WORKERS": "1", "AUTH_MODE": "none"}
    with make_door(tmp_path_factory.mktemp("strict"), **settings) as found:
        yield found


@pytest.mark.security(22)
def test_a_body_that_comes_after_its_head_was_judged_counts_once(strict: Any) -> None:
    body = b'{"username":"late","userid":"late","price":"free"}'
    left = []
    with connected(urlsplit(strict.base_url).port or 0) as client:
        for _ in range(3):
            client.send(f"POST {{prefix}}/buy HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n")
            time.sleep(0.2)  # that the body comes late is the case
            client.send(body)
            answer = client.answer()
            assert answer.status == 422
            left.append(int(answer.headers["RateLimit-Remaining"]))
    assert left == [LIMIT - 1, LIMIT - 2, LIMIT - 3]


@pytest.mark.security(22, 32)
def test_what_no_route_takes_is_counted_by_address(strict: Any) -> None:
    asked = [strict.request(method, path).status for method, path in [("GET", "/nothing"), ("PUT", "/buy")] * 4]
    assert asked == [404, 405, 404, 405, 404, 429, 429, 429]
    assert strict.request("GET", "/healthz").status == 200
