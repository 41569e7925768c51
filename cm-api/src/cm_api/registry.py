"""Finds each domain's room in this service by its name in `shop_core.events.DOMAINS`, so that no list is kept twice."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from cm_api.batch_result import Hooks, NoHooks
from cm_api.settings import ConsumerSettings
from shop_core.events import DOMAINS
from shop_core.mongo.client import ClientSession, Database, Document


def domain_module(name: str) -> ModuleType:
    """The package `cm_api.domains.<name>`: `apply`, `Store`, `blueprint`, `ensure_indexes`; some:
    `hooks`, `store_maker`."""
    return import_module(f"cm_api.domains.{name}")


def domain_modules() -> list[ModuleType]:
    return [domain_module(name) for name in DOMAINS]


def store_maker(name: str, settings: ConsumerSettings) -> Callable[[Database[Document], ClientSession], Any]:
    """How a consumer makes the domain's store for a transaction."""
    found: Callable[[ConsumerSettings], Any] = getattr(
        domain_module(name), "store_maker", lambda settings: domain_module(name).Store
    )
    return found(settings)  # type: ignore[no-any-return]


def rebuildable() -> list[str]:
    """The domains whose read models can be made anew beside the live ones: those that know their `COLLECTIONS`."""
    return [name for name in DOMAINS if hasattr(domain_module(name), "COLLECTIONS")]


def hooks(name: str, settings: ConsumerSettings, db: Database[Document]) -> Hooks:
    """What the domain does around a commit."""
    found: Hooks = getattr(domain_module(name), "hooks", lambda settings, db: NoHooks())(settings, db)
    return found
