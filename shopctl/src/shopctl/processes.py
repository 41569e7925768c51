"""The plan of a platform: each process with its command, environment, port and proof of readiness.

Pure: it starts nothing, so that what `up` would do can be looked at and tested."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shopctl.layout import HOST, Layout
from shopctl.options import Options

KAFKA, DATABASE, CACHE, CM_API, CM_OPS, CM_SERVER = "kafka", "database", "cache", "cm-api", "cm-ops", "cm-server"
CACHES = ("valkey-server", "redis-server")


@dataclass(frozen=True)
class Part:
    """One process to run. Ready when it answers `path` with 200 or, without one, when its port is open."""

    name: str
    command: tuple[str, ...]
    port: int
    log: Path
    path: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    also_ports: tuple[int, ...] = ()
    ready_within: float = 60.0
    grace: float = 20.0
    flag: str = "--offset 100"

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"


@dataclass(frozen=True)
class Plan:
    """What `up` starts: servers first, then services. A server that is already there is no part of it."""

    bootstrap: str
    mongodb_uri: str
    kafka: Part | None
    database: Part | None
    services: tuple[Part, ...]
    cache: Part | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for part in (self.kafka, self.database, self.cache) if part) + self.services

    @property
    def stop_order(self) -> tuple[tuple[str, ...], ...]:
        """First what takes work in, last what keeps it; what stands together stops together."""
        consumers = tuple(part.name for part in self.services if part.name not in (CM_SERVER, CM_API, CM_OPS))
        return ((CM_SERVER,), consumers, (CM_API, CM_OPS), (DATABASE, CACHE), (KAFKA,))


def plan_of(
    options: Options, kafka_command: tuple[str, ...], environ: Mapping[str, str], cache: str = CACHES[0]
) -> Plan:
    """The plan for `options`; `environ` is what the services inherit, overridden by what the plan decides; `cache` is
    the program where one is to be started."""
    layout, ports = options.layout, options.ports
    bootstrap = options.bootstrap or f"{HOST}:{ports.kafka}"
    mongodb_uri = options.mongodb_uri or f"mongodb://{HOST}:{ports.database}"
    shared = {
        **environ,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "MONGODB_URI": mongodb_uri,
        "CM_API_URL": f"http://{HOST}:{ports.cm_api}",
        "CM_OPS_URL": f"http://{HOST}:{ports.cm_ops}",
    }
    if options.cache:
        shared["CACHE_URL"] = f"redis://{HOST}:{ports.cache}/0"
    kafka = Part(
        name=KAFKA,
        command=kafka_command,
        port=ports.kafka,
        also_ports=(ports.controller,),
        log=layout.log_of(KAFKA),
        environ=environ,
    )
    return Plan(
        bootstrap=bootstrap,
        mongodb_uri=mongodb_uri,
        kafka=None if options.bootstrap else kafka,
        database=None if options.mongodb_uri else _database(layout, ports.database, environ),
        cache=_cache(layout, ports.cache, cache, environ) if options.cache else None,
        services=(
            _reading(CM_API, ports.cm_api, options, shared),
            _reading(CM_OPS, ports.cm_ops, options, shared),
            *_consumers(options, shared),
            _cm_server(options, shared),
        ),
    )


def _database(layout: Layout, port: int, environ: Mapping[str, str]) -> Part:
    # Syncs its journal at each commit, so that a power cut loses nothing; measured, it costs about a tenth.
    storage = str(layout.data / DATABASE)
    command = (tool("secantusd-py"), "--host", HOST, "--port", str(port), "--storage-path", storage)
    return Part(
        name=DATABASE,
        command=(*command, "--sync-on-commit"),
        port=port,
        log=layout.log_of(DATABASE),
        environ=environ,
    )


def _cache(layout: Layout, port: int, program: str, environ: Mapping[str, str]) -> Part:
    """Valkey and Redis take the same words; nothing is kept, since all of it is in the database."""
    command = (program, "--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no")
    return Part(
        name=CACHE,
        command=(*command, "--dir", str(layout.run)),
        port=port,
        log=layout.log_of(CACHE),
        environ=environ,
    )


def _reading(name: str, port: int, options: Options, shared: Mapping[str, str]) -> Part:
    """A service that only cm-server asks."""
    return Part(
        name=name,
        command=(tool(name),),
        port=port,
        log=options.layout.log_of(name),
        path="/readyz",
        environ={**shared, "HTTP_HOST": HOST, "HTTP_PORT": str(port)},
    )


def _cm_server(options: Options, shared: Mapping[str, str]) -> Part:
    port = options.ports.cm_server
    return Part(
        name=CM_SERVER,
        command=(tool("cm-server"),),
        port=port,
        log=options.layout.log_of(CM_SERVER),
        path="/readyz",
        # HTTP_HOST stays the caller's choice here: this is the one door that others may be let in by.
        environ={"HTTP_HOST": HOST, **shared, "HTTP_PORT": str(port)},
        flag="--port 8180",
    )


def _consumers(options: Options, shared: Mapping[str, str]) -> list[Part]:
    parts: list[Part] = []
    for domain, count in options.consumers.items():
        for number in range(1, count + 1):
            port = options.ports.health + len(parts)
            parts.append(
                Part(
                    name=f"{domain}-consumer-{number}",
                    command=(tool("cm-api-consumer"), "--domain", domain),
                    port=port,
                    log=options.layout.log_of(f"{domain}-consumer-{number}"),
                    path="/readyz",
                    environ={**shared, "HEALTH_PORT": str(port)},
                )
            )
    return parts


def tool(name: str) -> str:
    """A program of the same virtual environment."""
    return str(Path(sys.executable).parent / name)
