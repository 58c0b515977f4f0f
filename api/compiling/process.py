"""The compiling process: a text a line in, its reading a line out, until standard input ends."""

import os
import signal
import sys
from typing import Final

import msgspec

from api.compiling.reading import read
from api.compiling.shapes import Job

_YIELDING: Final = 5


def main() -> None:
    """Answer until the API closes the pipe. A defect ends the process with its trace; the API starts another."""
    # A Ctrl-C in a terminal reaches the whole group; this process ends with the API that started it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Decisions come first; under load a text is still read in time.
    os.nice(_YIELDING)
    _say(b"ready")
    for line in sys.stdin.buffer:
        _say(msgspec.json.encode(read(msgspec.json.decode(line, type=Job))))


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
