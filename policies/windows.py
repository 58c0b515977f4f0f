"""What a policy needs counted before it can be evaluated. The caller reads the sums; this room only names them."""

from typing import Literal

import msgspec

from axiru.domain.assets import named_by

Measure = Literal["sum", "count"]
Per = Literal["initiator", "counterparty", "customer", "charge", "merchant", "organization"]

SUBJECT_FACTS: dict[Per, tuple[str, ...]] = {
    "initiator": ("initiator.id",),
    "counterparty": ("counterparty.id", "counterparty.stripe_account_id"),
    "customer": ("context.customer_id",),
    "charge": ("target.charge", "target.payment_intent"),
    "merchant": ("merchant.stripe_account_id", "merchant.stripe_connection_id"),
    "organization": (),
}
"""The facts that say whose window it is, of which one has to be known. An organization's own window needs none."""


class WindowSpec(msgspec.Struct, frozen=True):
    """One sliding window over earlier movements of the same subject, the current movement excluded.

    `measure` "sum" adds minor units of `asset`, of all contracts where that is a symbol such as usdc; "count" counts
    movements and has no asset. Only movements on `rail`
    count, and of those only `rail_actions` unless it is empty. The value for an unknown subject is None, never 0.
    """

    measure: Measure
    per: Per
    within_seconds: int
    rail: str
    rail_actions: tuple[str, ...] = ()
    asset: str | None = None

    @property
    def name(self) -> str:
        """The key under which the caller passes the value, e.g. `count:customer:2592000:stripe.refund`.

        It says all that the window is, so equal windows of different policies share one value.
        """
        actions = "+".join(self.rail_actions) or "*"
        stem = f"{self.measure}:{self.per}:{self.within_seconds}:{self.rail}.{actions}"
        return f"{stem}:{self.asset}" if self.asset else stem

    @classmethod
    def of_name(cls, name: str) -> "WindowSpec":
        """The window that has this name. Raises ValueError for what is no window's name."""
        measure, per, within_seconds, moved = name.split(":", 3)
        surface, _, asset = moved.partition(":")
        rail, _, actions = surface.partition(".")
        stated = {
            "measure": measure,
            "per": per,
            "within_seconds": int(within_seconds),
            "rail": rail,
            "rail_actions": () if actions == "*" else tuple(actions.split("+")),
            "asset": asset or None,
        }
        window = msgspec.convert(stated, cls)
        if window.name != name or (measure == "sum") is not bool(asset) or not 0 < window.within_seconds < 2**31:
            raise ValueError(name)
        return window

    @property
    def fact(self) -> str:
        return f"window.{self.name}"

    @property
    def assets(self) -> frozenset[str]:
        """The assets whose movements a sum adds up; none for a count."""
        return named_by(self.asset) if self.asset is not None else frozenset()

    @property
    def subject_facts(self) -> tuple[str, ...]:
        """The facts of which one must be known for the window to be; none for the organization's own."""
        return SUBJECT_FACTS[self.per]
