"""One stack a home. The kernel holds the lock, so it ends with its holder, however that ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from axiru.dev.home import Home
from axiru.dev.progress import step
from axiru.dev.refusal import StackRefused


class HomeLocked(StackRefused):
    """Another stack runs in this home."""

    code = "home_locked"


@contextlib.contextmanager
def locked(home: Home) -> Iterator[bool]:
    """Hold the home's lock; yields whether the last holder ended without letting go. Raises HomeLocked."""
    descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        holder = _holder(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HomeLocked(
                f"Another `axiru dev` (pid {holder or 'unknown'}) runs in {home.directory}: "
                "stop it or choose another --home.",
                pid=holder,
            ) from None
        if holder:
            step("lock", f"the last run (pid {holder}) did not stop in order; its stale lock is taken over")
        _write_holder(descriptor, str(os.getpid()))
        yield bool(holder)
        _write_holder(descriptor, "")
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()


def _write_holder(descriptor: int, holder: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, holder.encode("ascii"), 0)
