"""Topics as an operator may have made them: other configurations than ours, or none of our topics at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from shop_arrivals.shop import until

ADMIN_SECONDS = 30.0


@contextmanager
def configured(
    bootstrap: str, topic: str, configs: Mapping[str, str], after: Mapping[str, str | None]
) -> Iterator[None]:
    """`topic` with these configurations while the block lasts, then with those of `after` (None: the default)."""
    set_configs(bootstrap, topic, configs)
    try:
        yield
    finally:
        set_configs(bootstrap, topic, after)


def set_configs(bootstrap: str, topic: str, configs: Mapping[str, str | None]) -> None:
    """Each name has this value from now on; None is the broker's default."""
    entries = [
        ConfigEntry(
            name, value, incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
        )
        for name, value in configs.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = _admin(bootstrap)  # kept by its name until the answer is there
    _done(admin.incremental_alter_configs([resource]))


@contextmanager
def missing(bootstrap: str, topic: str, configs: Mapping[str, str]) -> Iterator[None]:
    """`topic` does not exist while the block lasts; then it is made with one partition and `configs`."""
    admin = _admin(bootstrap)
    _done(admin.delete_topics([topic]))
    until(lambda: topic not in admin.list_topics(timeout=ADMIN_SECONDS).topics, f"{topic} is gone")
    try:
        yield
    finally:
        # The broker takes a moment to let go of the old one's name.
        until(lambda: _made(admin, NewTopic(topic, 1, 1, config=dict(configs))), f"{topic} is made")


def _made(admin: Any, topic: NewTopic) -> bool:
    try:
        _done(admin.create_topics([topic]))
    except KafkaException:
        return False
    return True


def _done(futures: Mapping[Any, Any]) -> None:
    for future in futures.values():
        future.result(ADMIN_SECONDS)


def _admin(bootstrap: str) -> Any:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
