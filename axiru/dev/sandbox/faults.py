"""Faults that a test asks for: what Stripe and the network do on their bad days, once and on cue."""

from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec


class FaultKind(StrEnum):
    """Where the failure strikes, relative to the execution of the request."""

    STATUS_500_BEFORE = "status_500_before"
    """Status 500 and nothing executed; the idempotency key stays unused."""

    STATUS_500_AFTER = "status_500_after"
    """Executed, yet the answer is a 500, which is what the idempotency key remembers."""

    STATUS_429 = "status_429"
    """Status 429 and nothing executed, with `Retry-After` of `seconds` (rounded up); the key stays unused."""

    APPROVAL_REQUIRED = "approval_required"
    """Nothing executes: Stripe asks its own people first, and says so. Only for what approvals.py knows."""

    DELAY_BEFORE_SECONDS = "delay_before_seconds"
    """Sleeps before executing; the idempotency key is in use meanwhile."""

    HANG_SECONDS = "hang_seconds"
    """Executed and stored, but the answer leaves late."""

    DROP_CONNECTION_AFTER = "drop_connection_after"
    """Executed and stored, but the connection is closed without an answer."""


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """Strikes the next `times` requests of `method` whose path matches `path`, in which `*` stands for anything."""

    kind: FaultKind
    path: str
    method: str = "POST"
    times: int = 1
    seconds: float = 1.0


class Faults:
    """Planned faults, the oldest first. They are not kept over a restart."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, counted down."""
        for fault in self.planned:
            if fault.method.upper() == method and fnmatchcase(path, fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self.planned.remove(fault)
                return fault
        return None
