"""What a domain offers this service, as one value that mypy checks: `READ_MODEL` in its `read_model.py`.

Consumer, query API, rebuild and indexes know no more of a domain than this. `S` is the domain's own store, so that what
applies events takes what makes the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from flask import Blueprint

from cm_api.audit import Audit
from cm_api.batch_result import Derived, Hooks, NoHooks, Outcome
from cm_api.http.context import Context
from cm_api.settings import ConsumerSettings
from shop_core.events.envelope import Domain, Event
from shop_core.events.people import USER_ERASED
from shop_core.mongo.client import ClientSession, Database, Document


class Store(Protocol):
    """What every domain's store can be asked."""

    def applied(self, ids: Sequence[str]) -> dict[str, str]:
        """Digest by id of the commands already stored."""
        ...


class GenerationStore(Store, Protocol):
    """A store of one generation of a read model."""

    def every(self, collection: str) -> Iterator[Document]: ...

    def drop(self) -> None: ...


S = TypeVar("S", bound=Store)
G = TypeVar("G", bound=GenerationStore)
StoreMaker = Callable[[Database[Document], ClientSession | None], S]
Projection = Callable[[S, Sequence[Event]], Outcome]


def no_hooks(settings: ConsumerSettings, db: Database[Document]) -> Hooks:
    """Most domains do nothing around a commit."""
    return NoHooks()


def none_raised(live: Any) -> list[str]:
    """Most domains count nothing that others have read."""
    return []


def nothing_derived(live: Any, fresh: Any, ids: Iterable[str], at: Mapping[int, int]) -> list[Derived]:
    """Nobody else has to be told of a swap."""
    return []


@dataclass(frozen=True, kw_only=True)
class Rebuilding(Generic[G]):
    """How a read model is made again beside the live one: `collections` exist once in each generation.

    `raised` names what an earlier repair raised above its log. `take_over` runs in the transaction of the swap, with
    the live store, the rebuilt one, the ids to look at, and how far the log was read.
    """

    collections: tuple[str, ...]
    store: Callable[[Database[Document], ClientSession | None, int], G]
    ensure_indexes: Callable[[Database[Document], int], None]
    raised: Callable[[G], list[str]] = none_raised
    take_over: Callable[[G, G, Iterable[str], Mapping[int, int]], list[Derived]] = nothing_derived


@dataclass(frozen=True)
class Exported:
    """One page of what a domain keeps of a user: by name, parts of
    `shop_core.responses.people.Export` or of its `others`.

    `following` is the order key of the last item in a list that goes on.
    """

    parts: Mapping[str, Any]
    following: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReadModel(Generic[S]):
    """One domain. `collections` are those that its consumer writes and `ensure_indexes` makes no index on.

    `export` tells what is kept of a user: from the start, or from where an earlier one ended (`Exported.following`).
    """

    domain: Domain
    store: StoreMaker[S]
    apply: Projection[S]
    blueprint: Callable[[Context], Blueprint]
    ensure_indexes: Callable[[Database[Document]], None]
    erase: Projection[S] | None = None
    export: Callable[[Context, str, str | None], Exported] | None = None
    hooks: Callable[[ConsumerSettings, Database[Document]], Hooks] = no_hooks
    collections: tuple[str, ...] = ()
    tuned: Callable[[ConsumerSettings], StoreMaker[S]] | None = None
    """Makes the store of a consumer, where settings say something about it."""
    live: Callable[[Context], S] | None = None
    """Makes the store for queries, where it is not `store` without a transaction."""
    rebuilding: Rebuilding[Any] | None = None
    audit: Audit[Any] | None = None
    """How `shopctl verify log` holds it against its log; without one it looks at the commands alone."""

    def __post_init__(self) -> None:
        """An erasure that comes to a domain without `erase` would be tried again for ever: better not to start."""
        personal = USER_ERASED in self.domain.events
        for offered, what in ((self.erase, "erase"), (self.export, "export")):
            if (offered is not None) != personal:
                raise TypeError(f"{self.domain.name}: who takes {USER_ERASED}, and nobody else, offers `{what}`")

    def consumer_store(self, settings: ConsumerSettings) -> StoreMaker[S]:
        return self.tuned(settings) if self.tuned else self.store

    def query_store(self, context: Context) -> S:
        return self.live(context) if self.live else self.store(context.db, None)
