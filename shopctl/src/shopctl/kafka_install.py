"""Kafka on this machine: its jars in the user's cache, its configuration and its formatted storage.

The broker is started as `java … kafka.Kafka`, without Kafka's own scripts."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import string
import uuid
from pathlib import Path
from xml.etree import ElementTree  # our own pom.xml  # nosec B405

from shop_core.errors import ConfigError
from shopctl.layout import Layout, Ports

POM = "{http://maven.apache.org/POM/4.0.0}"


class KafkaHome:
    """Where the broker's jars and files are, and the commands that fetch, format and run it."""

    def __init__(self, root: Path, layout: Layout, ports: Ports) -> None:
        self._templates = root / "kafka"
        self._ports = ports
        self._data = layout.data / "kafka"
        self._config = layout.run / "server.properties"
        self._log_config = layout.run / "log4j2.properties"
        pom = root / "kafka" / "pom.xml"
        self.version = _version_in(pom)
        # Another pom.xml may name other jars of the same version.
        digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:8]
        self.libs = cache_folder() / f"kafka-{self.version}-{digest}" / "libs"

    @property
    def has_jars(self) -> bool:
        return self.libs.is_dir()

    @property
    def is_formatted(self) -> bool:
        return (self._data / "meta.properties").is_file()

    def fetch_command(self, target: Path) -> tuple[str, ...]:
        """Maven copies the jars to `target`; `take_jars` then puts them in place in one step."""
        mvn = shutil.which("mvn")
        if mvn is None:
            raise ConfigError("Maven is missing: install it (the command is mvn), so that Kafka's jars can be fetched.")
        pom = str(self._templates / "pom.xml")
        goal = "dependency:copy-dependencies"
        return (
            mvn,
            "-q",
            "-B",
            "-Dstyle.color=never",
            "-f",
            pom,
            goal,
            f"-DoutputDirectory={target}",
            "-DincludeScope=runtime",
        )

    def take_jars(self, fetched: Path) -> None:
        """Put `fetched` in place; another `up` that was faster has put the same jars there."""
        try:
            fetched.rename(self.libs)
        except OSError:
            if not self.has_jars:
                raise
            shutil.rmtree(fetched, ignore_errors=True)

    def fetch_target(self) -> Path:
        """A folder beside the final one: the rename is atomic, and an interrupted fetch is never used."""
        return self.libs.with_name(f"libs.{os.getpid()}")

    def write_config(self) -> None:
        """The broker's configuration, made anew at each start."""
        template = string.Template((self._templates / "server.properties").read_text())
        text = template.substitute(
            kafka_port=self._ports.kafka,
            controller_port=self._ports.controller,
            data_dir=self._data,
        )
        self._config.parent.mkdir(parents=True, exist_ok=True)
        self._config.write_text(text)
        shutil.copyfile(self._templates / "log4j2.properties", self._log_config)

    def format_command(self) -> tuple[str, ...]:
        tool = ("kafka.tools.StorageTool", "format", "-t", cluster_id(), "-c", str(self._config))
        return (java(), *self._options("-Xmx256m"), *tool)

    def run_command(self) -> tuple[str, ...]:
        return (java(), *self._options("-Xmx512m"), "kafka.Kafka", str(self._config))

    def _options(self, heap: str) -> tuple[str, ...]:
        log_config = f"-Dlog4j2.configurationFile={self._log_config}"
        return (heap, "-Djava.awt.headless=true", log_config, "-cp", f"{self.libs}/*")


def cache_folder() -> Path:
    """Where downloads are kept between clones."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "scalable-shop"


def java() -> str:
    """The Java to use: JAVA_HOME's, or the one on the path."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    if found is None:
        raise ConfigError("Java is missing: install a Java runtime, version 17 or newer, so that Kafka can run.")
    return found


def cluster_id() -> str:
    """A random id in Kafka's spelling; one that begins with a dash would be read as an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _version_in(pom: Path) -> str:
    version = ElementTree.parse(pom).findtext(f"{POM}properties/{POM}kafka.version")  # our own pom.xml  # nosec B314
    if not version:
        raise ConfigError(f"{pom} names no kafka.version: restore it from version control.")
    return version
