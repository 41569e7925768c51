"""Nothing that arrives stops what is beside it: draws of what strangers may send, by two real clients.

Each kind of each part comes once by itself, then draws that combine them. 300 draws by default; by hand
`ARRIVALS_DRAWS=20000 pytest tests/arrivals/test_arrivals.py`, which tells its progress every five seconds.
`ARRIVALS_SEED` draws the same again.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from shop_arrivals.draws import Draw, draws, one_of_each
from shop_arrivals.lag import behind
from shop_arrivals.rounds import Rounds
from shop_arrivals.shop import until

DRAWS = int(os.environ.get("ARRIVALS_DRAWS", "300"))
SEED = int(os.environ.get("ARRIVALS_SEED", "0")) or random.randrange(1, 2**31)
GROUP = 16  # few enough that two thirds of all partitions are only neighbours
PROGRESS_SECONDS = 5.0
MOST_FAULTS = 40  # in the accounts; then the rest would say the same


class Player:
    """Plays group after group up to the first that fails, and tells how far it is."""

    def __init__(self, rounds: Rounds, tell: Callable[[str], object]) -> None:
        self.rounds, self.tell = rounds, tell
        self.failed: AssertionError | None = None
        self._told = time.monotonic()

    def play(self, group: Sequence[Draw]) -> None:
        """What fails is kept: a platform that stands still can't be asked again, as a shrinking search would."""
        if self.failed is not None or len(self.rounds.faults) > MOST_FAULTS:
            return
        try:
            self.rounds.play(group)
        except AssertionError as fault:
            self.failed = fault
        if time.monotonic() - self._told > PROGRESS_SECONDS:
            self._told = time.monotonic()
            figures = self.rounds.figures
            slowest = f"slowest neighbour {figures.slowest_neighbour:.1f} s, behind {figures.slowest_behind:.1f} s"
            faults = f", {len(self.rounds.faults)} faults" if self.rounds.faults else ""
            self.tell(f"arrivals: {figures.draws} of {DRAWS} draws, {slowest}{faults}")


@pytest.mark.slow
@pytest.mark.timeout(max(300, DRAWS * 2))
def test_whatever_arrives_ordinary_commands_are_stored_and_the_accounts_add_up(
    rounds: Rounds, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = pytestconfig.pluginmanager.getplugin("terminalreporter")

    def tell(line: str) -> None:
        with capsys.disabled():
            terminal.write_line(line)

    tell(f"arrivals: {DRAWS} draws, ARRIVALS_SEED={SEED}")
    player = Player(rounds, tell)
    each = list(one_of_each())[:DRAWS]
    for start in range(0, len(each), GROUP):
        player.play(each[start : start + GROUP])
    if left := DRAWS - len(each):
        full, rest = divmod(left, GROUP)
        if full:
            play_drawn(player, GROUP, full)
        if rest:
            play_drawn(player, rest, 1)
    for line in rounds.lines():
        tell(f"arrivals: {line}")
    if player.failed is not None:
        raise player.failed
    rounds.totals()
    if rounds.faults:
        pytest.fail("\n".join(["The accounts do not add up.", *rounds.faults]), pytrace=False)
    until(lambda: not rounds.undelivered(), "every rejected record has its letter", 60)
    until(lambda: not behind(rounds), "the lag is 0, told by metric and broker", 60)


def play_drawn(player: Player, size: int, groups: int) -> None:
    """Play as many groups of this size, drawn."""

    @seed(SEED)
    @settings(
        max_examples=groups,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(draws(), min_size=size, max_size=size))
    def drawn(group: list[Draw]) -> None:
        player.play(group)

    drawn()
