"""The client of the shared cache (Redis or Valkey), which may be unavailable, empty or wrong at any time.

Nothing here raises. An entity (`product:<id>`) has several keys that change together, and a version; an older version
never replaces a newer one. Before commit the writer replaces the entity by a tombstone with a short TTL ("in doubt").
Until it writes the new value, or the tombstone expires, readers miss and may not refill.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shop_core.config.reloading import read_secret
from shop_core.config.settings import CacheSettings, redis_address
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
T = TypeVar("T")
TIMEOUT_SECONDS = 0.25
AWAY_SECONDS = 1.0  # after a failure nobody asks for this long, so that a cache that hangs costs little
DOUBT_SECONDS = 30
MOST_MISSED = 10_000
_IN_DOUBT = b"-"
# KEYS: version, then the entity's keys. ARGV: version, seconds, whether the caller is the writer, then the values.
_PUT = """
local known = redis.call('GET', KEYS[1])
if known == '-' and ARGV[3] == '0' then return 0 end
if known and known ~= '-' and tonumber(known) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 2], 'EX', ARGV[2]) end
return 1
"""


class SharedCache:
    """One connection pool; a failure makes every call do nothing for a moment."""

    def __init__(self, url: str, ttl: int) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._put = self._redis.register_script(_PUT)
        self._ttl = ttl
        self._away_until = 0.0
        self._missed: set[str] = set()
        self._lock = threading.Lock()

    def read(self, entity: str) -> bytes | None:
        """The entity as it was put; None where it isn't there or can't be asked for."""
        found = self._ask(lambda: self._redis.get(entity), count=True)
        if found is not None or time.monotonic() >= self._away_until:
            metrics.CACHE.labels("shared", "hit" if found is not None else "miss").inc()
        return found if isinstance(found, bytes) else None

    def put(self, entity: str, version: int, values: Mapping[str, bytes], *, writer: bool) -> None:
        """Set the entity's keys by suffix ('' is the entity), unless they are newer or, for a reader, in doubt."""
        keys = [f"{entity}:version", *(entity + suffix for suffix in values)]
        self._ask(lambda: self._put(keys=keys, args=[version, self._ttl, int(writer), *values.values()]))

    def doubt(self, entities: Iterable[str], suffixes: Sequence[str]) -> None:
        """They, with the keys of these suffixes, are about to change.

        What can't be told to the cache now is told as soon as it answers again.
        """
        wanted = set(entities)
        with self._lock:
            every = wanted | self._missed
        if every and self._ask(lambda: self._mark(every, suffixes)) is None:
            with self._lock:
                self._missed = set(list(every)[:MOST_MISSED])
        else:
            with self._lock:
                self._missed -= every

    def clear(self, pattern: str) -> None:
        """Remove every key that matches."""
        self._ask(lambda: [self._redis.delete(key) for key in self._redis.scan_iter(match=pattern, count=1000)])

    def wrong(self, entity: str, reason: str) -> None:
        """What was read is not what was put."""
        metrics.CACHE.labels("shared", "error").inc()
        log.warning("cache_wrong", extra={"entity": entity, "error": reason})

    def _mark(self, entities: Iterable[str], suffixes: Sequence[str]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=True)
        for entity in entities:
            pipe.set(f"{entity}:version", _IN_DOUBT, ex=DOUBT_SECONDS)
            pipe.delete(entity, *(entity + suffix for suffix in suffixes))
        return list(pipe.execute())

    def _ask(self, question: Callable[[], T], *, count: bool = False) -> T | None:
        if time.monotonic() < self._away_until:
            if count:
                metrics.CACHE.labels("shared", "error").inc()
            return None
        try:
            return question()
        except (redis.RedisError, OSError) as error:
            metrics.CACHE.labels("shared", "error").inc()
            log.warning("cache_away", extra={"error": f"{type(error).__name__}: {error}"})
            self._away_until = time.monotonic() + AWAY_SECONDS
            return None


def shared_cache(settings: CacheSettings) -> SharedCache | None:
    """The cache at CACHE_URL or at the URL in CACHE_URL_FILE, None without one. Nothing is connected yet."""
    url = read_secret(settings.cache_url_file, settings.cache_url, redis_address)
    return SharedCache(url, settings.cache_ttl) if url else None
