"""The command line. `main` only hands over: `axiru --help` stays fast, and Ctrl-C is heard from the start."""

import signal
import sys


def main() -> None:
    """Entry point of `axiru`. Exit codes: 0 done, 1 refused with one sentence on stderr, 2 called wrongly."""
    if sys.argv[1:2] == ["dev"]:
        # Until the stack listens itself there is nothing to stop: a Ctrl-C during the imports ends in order, too.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: sys.exit(0))
    from axiru.cli.commands import axiru  # noqa: PLC0415

    axiru(prog_name="axiru")
