"""What the surroundings of a run may say about servers, callers and levels must not reach what is under test."""

from __future__ import annotations

import os

FOREIGN = (
    *("KAFKA_", "MONGODB_", "CM_API_", "HTTP_", "HEALTH_", "LOG_", "API_DOCS_", "CONSUMER_", "CACHE_", "FAILPOINT"),
    *("AUTH_", "LIMITS"),
)


def clean_environment() -> dict[str, str]:
    """This process's environment without all of that."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
