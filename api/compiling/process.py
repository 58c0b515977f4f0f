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
    """Answer until the API closes the pipe. The argument is how many seconds of CPU a text may take.

    A text that takes longer ends the process by SIGVTALRM, a defect by its trace; the API starts another.
    """
    cpu_seconds_a_text = float(sys.argv[1])
    # A Ctrl-C in a terminal reaches the whole group; this process ends with the API that started it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Decisions come first; under load a text is still read in time.
    os.nice(_YIELDING)
    _say(b"ready")
    for line in sys.stdin.buffer:
        # Of CPU, not of the clock: on a busy machine a text takes longer and is no worse.
        signal.setitimer(signal.ITIMER_VIRTUAL, cpu_seconds_a_text)
        reading = read(msgspec.json.decode(line, type=Job))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        _say(msgspec.json.encode(reading))


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
