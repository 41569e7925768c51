"""The front door of the command line: parses, calls one subcommand, makes an expected error one sentence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from shop_core.errors import ShopError
from shopctl import dlq, down, keys, readmodels, seed, server_access, skip, status, up
from shopctl.terminal import escaped, prepare_output


def build_parser() -> argparse.ArgumentParser:
    """The parser with each subcommand; a subcommand sets `run`, which takes the parsed arguments."""
    parser = argparse.ArgumentParser(
        prog="shopctl",
        description="Starts, stops and looks into a scalable-shop platform.",
        allow_abbrev=False,
    )
    subcommands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (up, down, status, dlq, skip, readmodels, seed, keys, server_access):
        module.register(subcommands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the subcommand in `argv`; an expected error is one sentence on stderr and exit code 1."""
    prepare_output()
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except ShopError as error:
        print(f"shopctl: {escaped(str(error))}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader (`| head`) has seen enough.
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
