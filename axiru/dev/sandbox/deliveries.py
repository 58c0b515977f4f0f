"""What goes wrong on the way to a webhook endpoint, when a test asks for it: lost, doubled, held back, out of order."""

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

import msgspec

HELD: Final = 4e18
"""`due_at` of a delivery that waits until it is released."""


class DeliveryFaultKind(StrEnum):
    DROP = "drop"
    """Never sent; the event is only found by asking for it."""

    DUPLICATE = "duplicate"
    """Sent twice."""

    HOLD = "hold"
    """Kept until it is released, in the order in which it came or in reverse."""


class DeliveryFault(msgspec.Struct, forbid_unknown_fields=True):
    """Strikes the next `times` events whose type matches `type`, in which `*` stands for anything."""

    kind: DeliveryFaultKind
    type: str = "*"
    times: int = 1


class DeliveryFaults:
    """Planned faults, the oldest first. They are not kept over a restart."""

    def __init__(self) -> None:
        self.planned: list[DeliveryFault] = []

    def take(self, event_type: str) -> DeliveryFaultKind | None:
        """What strikes this event, counted down."""
        for fault in self.planned:
            if fnmatchcase(event_type, fault.type):
                fault.times -= 1
                if fault.times <= 0:
                    self.planned.remove(fault)
                return fault.kind
        return None
