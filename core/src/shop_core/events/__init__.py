"""The published language: one module a domain, and the one table from which every service finds its domains."""

from __future__ import annotations

from shop_core.events.domains import EVERY
from shop_core.events.envelope import Domain
from shop_core.events.people import USER_ERASED, UserErased

DOMAINS: dict[str, Domain] = {domain.name: domain for domain in EVERY}
PERSONAL: list[Domain] = [domain for domain in DOMAINS.values() if USER_ERASED in domain.events]
# What is about a person is in the topics of all of these; a key that named an erasure is known by this name.
PEOPLE = Domain("people", PERSONAL[0].topic, {USER_ERASED: UserErased})
TOPICS: dict[str, Domain] = {domain.topic: domain for domain in DOMAINS.values()}
