"""Prometheus' own programs, compiled from its Go module once."""

from __future__ import annotations

from pathlib import Path

import pytest

from shop_cluster.binaries import PROMETHEUS, built


@pytest.fixture(scope="session")
def promtool() -> Path:
    return built(PROMETHEUS, "promtool")


@pytest.fixture(scope="session")
def prometheus() -> Path:
    return built(PROMETHEUS, "prometheus")
