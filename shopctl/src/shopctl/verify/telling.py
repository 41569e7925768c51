"""Tells an outcome in the forms that were asked for."""

from __future__ import annotations

import argparse

from shop_core.errors import ConfigError
from shopctl.verify.outcome import Outcome, json_of, text_of
from shopctl.verify.page import page_of


def tell(options: argparse.Namespace, outcome: Outcome) -> int:
    """Print it, write the page, and return its exit code."""
    print(json_of(outcome) if options.json else "\n".join(text_of(outcome)), flush=True)
    if options.report is not None:
        try:
            options.report.write_text(page_of(outcome))
        except OSError as error:
            raise ConfigError(f"--report {options.report} can't be written ({error.strerror}).") from None
    return outcome.code
