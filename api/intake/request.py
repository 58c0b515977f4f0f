"""A decision that somebody asked for, whichever endpoint it came in by: the movement, and what makes a replay one."""

import msgspec

from axiru.domain.movement import Ovt


class Asked(msgspec.Struct, frozen=True):
    """One request, read and checked. Without an idempotency key every request is a new one."""

    endpoint: str
    fingerprint: str
    ovt: Ovt

    @property
    def idempotency_key(self) -> str | None:
        return self.ovt.idempotency_key
