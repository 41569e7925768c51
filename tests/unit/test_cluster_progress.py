"""The cold build says beforehand how long it takes, and before each part where it stands."""

from __future__ import annotations

from shop_cluster.binaries import MODULES
from shop_cluster.progress import Forecast


def test_where_a_long_work_stands_is_told_before_each_part() -> None:
    now = [0.0]
    forecast = Forecast({"big": 4.0, "small": 0.1, "last": 2.0}, lambda: now[0])
    assert forecast.whole() == "about 6 minutes"
    assert forecast.begin("big") == "1 of 3, about 6 minutes to go"
    # This machine took twice the time that was planned.
    now[0] = 8 * 60
    assert forecast.begin("small") == "2 of 3, about 4 minutes to go"
    now[0] = 8.2 * 60
    assert forecast.begin("last") == "3 of 3, about 4 minutes to go"


def test_a_first_part_of_seconds_foretells_nothing() -> None:
    now = [0.0]
    forecast = Forecast({"small": 0.1, "big": 10.0}, lambda: now[0])
    forecast.begin("small")
    now[0] = 120.0
    assert forecast.begin("big") == "2 of 2, about 10 minutes to go"


def test_every_module_says_how_long_it_takes() -> None:
    assert all(module.minutes > 0 for module in MODULES)
    assert sum(module.minutes for module in MODULES) < 30, "a cold build must fit in half an hour"
