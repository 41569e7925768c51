"""`shopctl down`: asks a running supervisor to stop everything in order, and waits until it has."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import time

from shop_core.errors import ShopError
from shopctl.layout import layout_of, shown
from shopctl.state import StateDirectory

_STOPS_WITHIN = 120.0


def run(arguments: argparse.Namespace) -> int:
    """Stop the platform; one that does not run is as good as stopped."""
    layout = layout_of(arguments.state_dir)
    state = StateDirectory(layout)
    supervisor = state.supervisor()
    if supervisor is None:
        print(f"No platform runs in {shown(layout.state)}.")
        return 0
    began = time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        os.kill(supervisor, signal.SIGTERM)
    while state.supervisor() is not None:
        if time.monotonic() - began > _STOPS_WITHIN:
            raise ShopError(
                f"The platform does not stop within {_STOPS_WITHIN:.0f} s: end process {supervisor} yourself."
            )
        time.sleep(0.1)
    print(f"Stopped after {time.monotonic() - began:.1f} s.")
    return 0
