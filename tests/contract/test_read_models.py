"""What every domain offers as its `ReadModel`, so that a new one is tested before its author writes a line."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Blueprint

from cm_api.batch_result import added
from cm_api.contract import Exported, ReadModel
from cm_api.http.context import Context
from cm_api.registry import read_model, rebuildable
from cm_api.settings import ConsumerSettings
from shop_core.config.settings import load
from shop_core.events import DOMAINS
from shop_core.events.people import USER_ERASED
from shop_core.mongo import client
from shop_core.mongo.client import Database, Document
from shop_core.mongo.generations import Generations

if TYPE_CHECKING:
    from tests.conftest import Platform


@pytest.fixture(params=list(DOMAINS))
def model(request: pytest.FixtureRequest) -> ReadModel[Any]:
    return read_model(request.param)


@pytest.fixture
def db(platform: Platform, model: ReadModel[Any]) -> Iterator[Database[Document]]:
    """A database in which there is only what one domain makes."""
    found = platform.db.client.get_database(f"model-{uuid.uuid4().hex[:8]}", codec_options=platform.db.codec_options)
    client.ensure_collections(found, (*model.collections, "generations"))
    for _ in range(2):  # safe to repeat
        model.ensure_indexes(found)
    yield found
    found.client.drop_database(found.name)


@pytest.fixture
def context(db: Database[Document]) -> Context:
    return Context(db, threading.BoundedSemaphore(), lambda listener: None)


def test_each_domain_has_one_and_it_names_its_domain(model: ReadModel[Any]) -> None:
    assert model.domain is DOMAINS[model.domain.name]


def test_who_takes_erasures_can_erase_and_export(model: ReadModel[Any]) -> None:
    offered = {name for name in ("erase", "export") if getattr(model, name)}
    assert offered == ({"erase", "export"} if USER_ERASED in model.domain.events else set())


@pytest.mark.parametrize("name", ["erase", "export"])
def test_one_that_could_not_erase_or_export_does_not_come_to_be(name: str) -> None:
    without: dict[str, Any] = {name: None}
    with_one: dict[str, Any] = {name: lambda *args: None}
    for domain, change in (("purchases", without), ("campaigns", with_one)):
        with pytest.raises(TypeError, match=f"{domain}: .* offers `{name}`"):
            dataclasses.replace(read_model(domain), **change)


def test_nothing_is_applied_by_an_empty_batch_and_nothing_is_known(
    model: ReadModel[Any], db: Database[Document], context: Context
) -> None:
    settings = load(ConsumerSettings, {"MONGODB_URI": "mongodb://nowhere"})
    make = model.consumer_store(settings)
    done = client.in_transaction(db, lambda session: model.apply(make(db, session), []))
    assert added([done]) == added([])
    assert model.query_store(context).applied(["nobody's"]) == {}


def test_nothing_is_kept_of_somebody_who_did_nothing(model: ReadModel[Any], context: Context) -> None:
    told = model.export(context, "nobody", None) if model.export else Exported({})
    assert not any(told.parts.values()) and told.following is None


def test_its_routes_are_its_own(model: ReadModel[Any], context: Context) -> None:
    made = model.blueprint(context)
    assert isinstance(made, Blueprint) and made.name == model.domain.name


@pytest.mark.parametrize("name", rebuildable())
def test_a_generation_is_made_beside_the_live_one_and_dropped(name: str, platform: Platform) -> None:
    model = read_model(name)
    how = model.rebuilding
    assert how is not None
    db = platform.db.client.get_database(f"model-{uuid.uuid4().hex[:8]}", codec_options=platform.db.codec_options)
    client.ensure_collections(db, ("generations",))
    how.ensure_indexes(db, 1)
    there = {
        collection for collection in how.collections if Generations.name(collection, 1) in db.list_collection_names()
    }
    assert there, "a generation has collections of its own"
    fresh = how.store(db, None, 1)
    assert [list(fresh.every(collection)) for collection in how.collections] == [[] for _ in how.collections]
    assert how.raised(fresh) == []
    fresh.drop()
    assert not any(Generations.name(collection, 1) in db.list_collection_names() for collection in how.collections)
    db.client.drop_database(db.name)
