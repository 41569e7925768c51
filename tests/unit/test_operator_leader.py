"""The operator's start: settings, who leads, health."""

from __future__ import annotations

import pytest

from shop_operator.controllers.leader import Term, Watch
from shop_operator.health import Health
from shop_operator.settings import load
from shop_runtime.settings_loader import ConfigError


def test_a_silence_is_measured_by_our_own_clock() -> None:
    watch = Watch()
    assert watch.silent_for(("a", "12:00"), 100.0) == 0
    assert watch.silent_for(("a", "12:00"), 109.0) == 9
    assert watch.silent_for(("a", "11:00"), 110.0) == 0, "any change is a sign of life, whatever its clock says"
    assert watch.silent_for(("b", "11:00"), 120.0) == 0


def test_a_leader_gives_up_before_another_may_take_over() -> None:
    for seconds in (3, 15, 300):
        term = Term.of(seconds)
        assert term.retry * 2 < term.renew < term.lease


def test_settings_name_the_variable_and_what_is_wrong() -> None:
    settings = load({"OPERATOR_NAMESPACE": "shop", "OPERATOR_IDENTITY": "a", "OPERATOR_SERVICE_HOST": "10.0.0.1"})
    assert settings.namespaces == ("shop",) and settings.holder == "a"
    assert load({"OPERATOR_WATCH_NAMESPACES": "a, b"}).namespaces == ("a", "b")
    with pytest.raises(ConfigError, match="OPERATOR_INTERVAL must be a whole number from 1 to 20, but it is '0'"):
        load({"OPERATOR_INTERVAL": "0"})
    with pytest.raises(ConfigError, match="rename it to OPERATOR_NAMESPACE"):
        load({"OPERATOR_NAMESPCE": "x"})


def test_health_tells_liveness_and_readiness_apart() -> None:
    health = Health()
    assert health.answer("/healthz")[0] == 200 and health.answer("/readyz")[0] == 503
    health.trouble = ""
    assert health.answer("/readyz")[0] == 200
    assert b"shop_operator_leader" in health.answer("/metrics")[2]
    assert health.answer("/other")[0] == 404
