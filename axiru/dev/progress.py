"""Progress lines of the local stack, for the person who waits."""

import contextlib
import sys


def say(line: str) -> None:
    """Print one line at once. A closed terminal does not stop the stack: it must still shut its parts down in order."""
    with contextlib.suppress(OSError, ValueError):
        print(line, flush=True, file=sys.stdout)


def step(part: str, what: str) -> None:
    """A line about one part, aligned so that a list of them reads as a table."""
    say(f"{part:<11} {what}")
