"""The platform that the tests of the model share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shop_core.events import DOMAINS
from shop_model import trouble


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory, start_platform: Any, start_redis: Any) -> Iterator[Any]:
    """One with two consumers of each domain, so that partitions are ahead of each other, and with a shared cache."""
    words = [word for name in DOMAINS for word in ("--consumers", f"{name}={trouble.CONSUMERS}")]
    with (
        start_redis(tmp_path_factory.mktemp("redis")) as cache,
        start_platform(tmp_path_factory.mktemp("model"), *words, CACHE_URL=cache.url) as platform,
    ):
        yield platform
