"""`shopctl up`: the order in which a platform comes to life, and what happens when it can't."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any

from shop_core.errors import ConfigError
from shopctl import detached, probes
from shopctl.kafka_install import KafkaHome
from shopctl.layout import HOST, PREFIX, project_root
from shopctl.options import Options, options_from
from shopctl.processes import CACHES, DATABASE, KAFKA, Part, Plan, plan_of
from shopctl.report import Progress, ready_text
from shopctl.state import PlatformState, ProcessState, StateDirectory
from shopctl.supervisor import StartFailure, Supervisor, run_to_end

PARTITIONS = 12
WAIT_FOR_BROKER = 30  # seconds
_LEFTOVERS_STOP_WITHIN = 20.0


def run(arguments: argparse.Namespace) -> int:
    """Run until a signal says stop; with --detach, until everything is ready."""
    options = options_from(arguments, os.environ)
    if options.detach:
        return detached.start(arguments, options)
    return asyncio.run(Platform(options).live())


class Platform:
    """One platform from its first check to its last process."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._state = StateDirectory(options.layout)
        self._progress = Progress()
        self._supervisor = Supervisor(self._progress.say, self._write_state)
        self._ready = False
        self._plan: Plan | None = None
        self._kafka_home: KafkaHome | None = None

    async def live(self) -> int:
        """Start, watch, stop. Whatever happens, nothing is left running."""
        stop = self._listen_for_signals()
        self._state.acquire()
        try:
            starting = asyncio.create_task(self._start())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
                return 130
            starting.result()
            await stopping
            return 0
        finally:
            await self._stop()
            self._state.release()

    def _listen_for_signals(self) -> asyncio.Event:
        """The first signal asks for a stop in order, the next one for a stop at once."""
        stop = asyncio.Event()

        def asked() -> None:
            if stop.is_set():
                self._supervisor.hurry = True
            else:
                self._progress.say("Stopping; once more stops at once")
            stop.set()

        # Under nohup the end of the terminal is to be survived.
        hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
        for number in (signal.SIGINT, signal.SIGTERM, *hangup):
            asyncio.get_running_loop().add_signal_handler(number, asked)
        return stop

    async def _start(self) -> None:
        previous = self._state.read()
        if self._options.fresh:
            self._state.wipe()
        self._state.prepare()
        plan = self._plan = self._make_plan()
        await self._check_ports(plan, wait=previous is not None and any(p.pid for p in previous.processes))
        if plan.kafka is None:
            await self._check_bootstrap(plan.bootstrap)
        await together(self._start_kafka(plan), self._start_database(plan))
        besides = (plan.cache,) if plan.cache else ()
        await together(*(self._supervisor.start(part) for part in (*besides, *plan.services)))
        self._ready = True
        self._write_state()
        layout, port = self._options.layout, self._options.ports.cm_server
        in_background = detached.MARK in os.environ
        self._progress.show(ready_text(port, layout, self._progress.elapsed, in_background))

    def _make_plan(self) -> Plan:
        command: tuple[str, ...] = ()
        if self._options.bootstrap is None:
            self._kafka_home = KafkaHome(project_root(), self._options.layout, self._options.ports)
            command = self._kafka_home.run_command()
        environ = {name: value for name, value in os.environ.items() if name != detached.MARK}
        plan = plan_of(self._options, command, environ, _cache_program() if self._options.cache else "")
        for part in plan.parts:
            if shutil.which(part.command[0]) is None:
                raise ConfigError(f"{part.command[0]} is not installed: run `make .venv` in the clone.")
        return plan

    async def _check_ports(self, plan: Plan, wait: bool) -> None:
        """Each port must be free; what a killed supervisor left behind is given time to stop by itself."""
        deadline = time.monotonic() + (_LEFTOVERS_STOP_WITHIN if wait else 0)
        for part in plan.parts:
            for port in (part.port, *part.also_ports):
                while not probes.port_is_free(port):
                    if time.monotonic() >= deadline:
                        raise StartFailure(
                            f"Port {port} for {part.name} is taken by another program: stop that program, "
                            f"or choose another port, e.g. by {part.flag}."
                        )
                    await asyncio.sleep(0.2)

    async def _start_kafka(self, plan: Plan) -> None:
        if plan.kafka is not None and self._kafka_home is not None:
            await self._prepare_kafka(self._kafka_home, plan.kafka)
            await self._supervisor.start(plan.kafka)
        module = ("-m", "shop_core.admin.kafka_topics", f"--partitions={PARTITIONS}", f"--wait={WAIT_FOR_BROKER}")
        # A cluster that is not ours has a replication of its own.
        replication = () if plan.kafka is None else ("--replication=1",)
        await self._step("topics", "topics are there", (sys.executable, *module, *replication), plan)

    async def _prepare_kafka(self, home: KafkaHome, part: Part) -> None:
        say, log = self._progress.say, part.log
        if not home.has_jars:
            say(f"fetching the jars of Kafka {home.version} by Maven (44 MB, once)")
            target = home.fetch_target()
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                if cause := await run_to_end(home.fetch_command(target), os.environ, log):
                    raise StartFailure(
                        f"Maven could not fetch Kafka's jars, check the network and run this again: {cause}."
                    )
                home.take_jars(target)
            finally:
                shutil.rmtree(target, ignore_errors=True)
        home.write_config()
        if not home.is_formatted:
            say("formatting Kafka's storage")
            if cause := await run_to_end(home.format_command(), os.environ, log):
                raise StartFailure(f"Kafka's storage could not be formatted, --fresh makes it anew: {cause}.")
        say("starting kafka")

    async def _start_database(self, plan: Plan) -> None:
        if plan.database is not None:
            self._progress.say("starting database")
            await self._supervisor.start(plan.database)
        await self._step("indexes", "indexes are there", (sys.executable, "-m", "cm_api.indexes"), plan)

    async def _check_bootstrap(self, bootstrap: str) -> None:
        for address in bootstrap.split(","):
            host, _, port = address.strip().rpartition(":")
            if port.isdecimal() and await probes.listens(host.strip("[]"), int(port)):
                return
        raise StartFailure(
            f"No Kafka broker answers at KAFKA_BOOTSTRAP_SERVERS={bootstrap}: start it, or unset the variable."
        )

    async def _step(self, name: str, done: str, command: tuple[str, ...], plan: Plan) -> None:
        environ = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": plan.bootstrap,
            "MONGODB_URI": plan.mongodb_uri,
        }
        began = time.monotonic()
        if cause := await run_to_end(command, environ, self._options.layout.log_of(name)):
            raise StartFailure(f"{cause}.")
        self._progress.say(f"{done} (took {time.monotonic() - began:.1f} s)")

    async def _stop(self) -> None:
        if self._plan is not None:
            await self._supervisor.stop(self._plan.stop_order)
            self._ready = False
            self._write_state()

    def _write_state(self) -> None:
        if (plan := self._plan) is None:
            return
        external = []
        if plan.kafka is None:
            external.append(ProcessState(KAFKA, None, "external", plan.bootstrap, None))
        if plan.database is None:
            # Neither credentials nor options of the URI belong into a file or on a screen.
            hosts = re.sub(r"^\w+(\+srv)?://(.*@)?|[/?].*$", "", plan.mongodb_uri)
            external.append(ProcessState(DATABASE, None, "external", hosts, None))
        self._state.write(
            PlatformState(
                supervisor=os.getpid(),
                ready=self._ready,
                url=f"http://{HOST}:{self._options.ports.cm_server}{PREFIX}",
                bootstrap=plan.bootstrap,
                processes=(*external, *self._supervisor.snapshots),
            )
        )


def _cache_program() -> str:
    for name in CACHES:
        if shutil.which(name) is not None:
            return name
    raise ConfigError(
        f"--cache needs {' or '.join(CACHES)}: install one (on Debian: apt install redis-server), or set CACHE_URL."
    )


async def together(*steps: Coroutine[Any, Any, None]) -> None:
    """Run `steps` at once; the first failure ends the others and is raised itself."""
    tasks = [asyncio.create_task(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
