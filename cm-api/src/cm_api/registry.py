"""Finds each domain's `READ_MODEL` by its name in `shop_core.events.DOMAINS`, so that no list is kept twice.

By name, and not by an import of all: a consumer loads its own domain only.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cm_api.contract import ReadModel
from shop_core.events import DOMAINS


def read_model(name: str) -> ReadModel[Any]:
    found = import_module(f"cm_api.domains.{name}.read_model").READ_MODEL
    if not isinstance(found, ReadModel) or found.domain is not DOMAINS[name]:
        raise TypeError(f"cm_api.domains.{name}.read_model.READ_MODEL is no ReadModel of {name}")
    return found


def read_models() -> list[ReadModel[Any]]:
    return [read_model(name) for name in DOMAINS]


def rebuildable() -> list[str]:
    """The domains whose read models can be made again beside the live ones."""
    return [model.domain.name for model in read_models() if model.rebuilding]
