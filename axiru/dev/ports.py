"""TCP ports of the local stack on the loopback address."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import TextIO

from axiru.dev.refusal import StackRefused

LOOPBACK = "127.0.0.1"

# Below the range the kernel takes for outgoing connections (32768 up): a part that died finds its port free when it is
# started again, however many connections its clients opened meanwhile.
FIRST_FREE_PORT = 20_000
LAST_FREE_PORT = 31_999

_RESERVATIONS: list[TextIO] = []
"""Open for as long as this process lives, whoever asked for a port: a file that is closed reserves nothing."""


class PortInUse(StackRefused):
    """Somebody else listens on a port that was asked for."""

    code = "port_in_use"


class Ports:
    """Hands out ports of one stack, each once."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def claim(self, port: int, *, title: str, option: str) -> int:
        """The port that was asked for, or a free one for 0. Raises PortInUse when somebody listens there."""
        if port == 0:
            return self.free()
        if port in self._taken or not is_free(port):
            raise PortInUse(
                f"Port {port} for the {title} is in use: free it or choose another with {option}.", port=port
            )
        self._taken.add(port)
        return port

    def prefer(self, port: int) -> int:
        """The port if nobody has it, else a free one: two homes can run side by side."""
        if port == 0 or port in self._taken or not is_free(port) or not self._reserved(port):
            return self.free()
        self._taken.add(port)
        return port

    def _reserved(self, port: int) -> bool:
        """Whether no other stack is about to take this port: two that start together both find it free.

        The reservation lasts as long as this process.
        """
        directory = Path(tempfile.gettempdir()) / f"axiru-ports-{os.getuid()}"
        directory.mkdir(mode=0o700, exist_ok=True)
        reservation = (directory / str(port)).open("w")
        try:
            fcntl.flock(reservation, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            reservation.close()
            return False
        _RESERVATIONS.append(reservation)
        return True

    def free(self) -> int:
        """A port nobody listens on. Raises PortInUse when a thousand guesses found none."""
        for _ in range(1_000):
            port = random.randint(FIRST_FREE_PORT, LAST_FREE_PORT)  # noqa: S311 - a guess, not a secret
            if port not in self._taken and is_free(port) and self._reserved(port):
                self._taken.add(port)
                return port
        raise PortInUse(f"No free port between {FIRST_FREE_PORT} and {LAST_FREE_PORT}.")


def is_free(port: int) -> bool:
    """Whether a server could listen on the loopback address at `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_open(host: str, port: int, *, timeout_seconds: float = 3.0) -> bool:
    """Whether somebody accepts connections at `host`:`port`."""
    try:
        socket.create_connection((host, port), timeout_seconds).close()
    except OSError:
        return False
    return True
