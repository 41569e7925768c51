"""Headers that guard an answer which is no page of ours: no browser may run, frame or take it for one."""

from __future__ import annotations

# Pages say their own.
SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)
