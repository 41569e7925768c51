"""The front door of the command line: parses, calls one command, makes an expected error one sentence."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from shop_core.errors import ShopError
from shopctl.arguments import build_parser
from shopctl.terminal import escaped, prepare_output


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv`; an expected error is one sentence on stderr and exit code 1."""
    prepare_output()
    arguments = build_parser().parse_args(argv)
    module, _, function = arguments.run.partition(":")
    try:
        return int(getattr(import_module(module), function)(arguments) or 0)
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
