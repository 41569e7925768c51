"""Finds each domain's room in this service by its name in `shop_core.events.DOMAINS`, so that no list is kept twice."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from shop_core.events import DOMAINS


def room(name: str) -> ModuleType:
    """The package `cm_api.<name>`: `apply`, `STORE`, `blueprint`, `ensure_indexes`."""
    return import_module(f"cm_api.{name}")


def rooms() -> list[ModuleType]:
    return [room(name) for name in DOMAINS]
