"""Slack's bad days, on cue."""

from fnmatch import fnmatchcase
from typing import Literal

import msgspec


class Fault(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Strikes the next `times` calls of methods that match `method`, in which `*` stands for anything.

    `rate_limited` answers 429 with `Retry-After: seconds`, `status_500` a page that is not JSON, `hang` does what was
    asked and answers after `seconds`, `refuse` answers `{"ok": false, "error": error}`.
    """

    kind: Literal["rate_limited", "status_500", "hang", "refuse"]
    method: str = "*"
    times: int = 1
    seconds: float = 1.0
    error: str = "internal_error"


class Faults:
    """Planned faults, the oldest first. They are not kept over a restart."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def take(self, method: str) -> Fault | None:
        """The fault that strikes this call, counted down."""
        for fault in self.planned:
            if fnmatchcase(method, fault.method):
                fault.times -= 1
                if fault.times <= 0:
                    self.planned.remove(fault)
                return fault
        return None
