"""Where a local platform lives: its clone, its state directory, its ports. Nothing is made here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shop_core.errors import ConfigError

STATE_DIRECTORY = ".shop"
HOST = "127.0.0.1"
PREFIX = "/scalable-shop-cm-server"


@dataclass(frozen=True)
class Ports:
    """The ports of one platform; `health` is that of the first consumer, the next ones follow it."""

    kafka: int = 9092
    controller: int = 9093
    database: int = 27017
    cache: int = 6379
    cm_server: int = 8080
    cm_api: int = 8081
    cm_ops: int = 8082
    health: int = 8090

    @classmethod
    def shifted(cls, offset: int, cm_server: int | None = None) -> Ports:
        """Every default port plus `offset`; `cm_server`, when given, is taken as it is."""
        base = cls()
        return cls(
            kafka=base.kafka + offset,
            controller=base.controller + offset,
            database=base.database + offset,
            cache=base.cache + offset,
            cm_server=cm_server if cm_server is not None else base.cm_server + offset,
            cm_api=base.cm_api + offset,
            cm_ops=base.cm_ops + offset,
            health=base.health + offset,
        )


@dataclass(frozen=True)
class Layout:
    """The folders of one platform. Only `data`, `logs`, `run` and the state file are removed by --fresh."""

    state: Path

    @property
    def data(self) -> Path:
        return self.state / "data"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def run(self) -> Path:
        return self.state / "run"

    @property
    def state_file(self) -> Path:
        return self.state / "state.json"

    @property
    def lock_file(self) -> Path:
        return self.state / "lock"

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def project_root() -> Path:
    """The clone this command belongs to: it holds kafka/pom.xml, from which the broker is made."""
    for folder in (*Path(__file__).resolve().parents, Path.cwd(), *Path.cwd().parents):
        if (folder / "kafka" / "pom.xml").is_file() and (folder / "shopctl").is_dir():
            return folder
    raise ConfigError("shopctl finds no clone of scalable-shop: run it inside one.")


def layout_of(state_dir: Path | None) -> Layout:
    """The layout in `state_dir`, by default .shop in the clone."""
    return Layout((state_dir or project_root() / STATE_DIRECTORY).absolute())


def shown(path: Path) -> str:
    """`path` as a person would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
