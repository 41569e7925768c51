"""The store of limits that all workers and pods share. A module of its own, as redis takes 20 MiB of each worker: it is
imported only where a store is named."""

from __future__ import annotations

import redis

from cm_server.rate_limit.limiter import TENTHS, Quota
from cm_server.rate_limit.settings import Limit
from shop_core.errors import Unavailable

STORE_TIMEOUT = 0.25

# KEYS[1]: one hash a caller and route, of counts by tenth. ARGV: limit, length of a tenth in ms.
SCRIPT = """
local time = redis.call('TIME')
local now = math.floor((time[1] * 1000 + math.floor(time[2] / 1000)) / ARGV[2])
local sum, oldest = 0, now
local counts = redis.call('HGETALL', KEYS[1])
for i = 1, #counts, 2 do
  local tenth = tonumber(counts[i])
  if tenth < now - 10 then
    redis.call('HDEL', KEYS[1], counts[i])
  else
    sum = sum + tonumber(counts[i + 1])
    if tenth < oldest then oldest = tenth end
  end
end
if sum >= tonumber(ARGV[1]) then return {-1, (oldest + 11 - now) * ARGV[2]} end
redis.call('HINCRBY', KEYS[1], now, 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 12)
return {ARGV[1] - sum - 1, (oldest + 11 - now) * ARGV[2]}
"""


class SharedStore:
    """Redis or Valkey at `url`."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_timeout=STORE_TIMEOUT, socket_connect_timeout=STORE_TIMEOUT, health_check_interval=30
        )
        self._script = self._client.register_script(SCRIPT)

    def acquire(self, key: str, limit: Limit) -> Quota:
        try:
            left, wait = self._script(keys=[f"shop:limit:{key}"], args=[limit.count, limit.seconds * 1000 // TENTHS])
        except (redis.RedisError, OSError) as error:
            raise Unavailable(f"the store of limits does not answer ({type(error).__name__})") from error
        return Quota(limit, int(left), float(wait) / 1000)

    def close(self) -> None:
        self._client.close()
