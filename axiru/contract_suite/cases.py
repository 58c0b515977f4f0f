"""What is tried: every cut in both manners, every action, in shadow and enforced, whoever executes."""

from collections.abc import Collection, Iterator
from enum import Enum
from typing import Final, Literal

import msgspec

Part = Literal["PostgreSQL", "Valkey", "Temporal", "Stripe", "network"]
Manner = Literal["down", "hanging"]
SurfaceMode = Literal["shadow", "enforce"]
Action = Literal["refund", "payout", "transfer", "app_fee_refund", "dispute", "agent_payment"]
Execute = Literal["caller", "axiru"]

PARTS: Final[tuple[Part, ...]] = ("PostgreSQL", "Valkey", "Temporal", "Stripe", "network")
ACTIONS: Final[tuple[Action, ...]] = ("refund", "payout", "transfer", "app_fee_refund", "dispute", "agent_payment")
MANNERS: Final[tuple[Manner, ...]] = ("down", "hanging")
SURFACE_MODES: Final[tuple[SurfaceMode, ...]] = ("enforce", "shadow")
EXECUTES: Final[tuple[Execute, ...]] = ("caller", "axiru")
AGENT_PAYMENT: Final = "agent_payment"
AGENT_RAIL: Final = "stripe_daa"


_REDUCED: Final[frozenset[tuple[Part, Manner, SurfaceMode]]] = frozenset(
    {
        ("PostgreSQL", "hanging", "enforce"),
        ("Valkey", "down", "enforce"),
        ("Temporal", "down", "enforce"),
        ("Stripe", "down", "enforce"),
        ("network", "down", "enforce"),
        ("network", "hanging", "shadow"),
    }
)


class Extent(Enum):
    """How much is tried: all of it, or what a test command has time for."""

    WHOLE = "whole"
    REDUCED = "reduced"


class Window(msgspec.Struct, frozen=True):
    """One time during which one connection is cut, and what is asked in it, all at once."""

    part: Part
    manner: Manner
    surface_mode: SurfaceMode
    asked: tuple[tuple[Action, Execute], ...]


def windows(extent: Extent, parts: Collection[Part] = PARTS) -> Iterator[Window]:
    """Every window of these parts; what is enforced first, so that surfaces are set twice and not at each cut."""
    for surface_mode in SURFACE_MODES:
        for part in PARTS:
            for manner in MANNERS:
                if part in parts and (extent is Extent.WHOLE or (part, manner, surface_mode) in _REDUCED):
                    yield Window(part, manner, surface_mode, tuple(_asked(part)))


def _asked(part: Part) -> Iterator[tuple[Action, Execute]]:
    for action in ACTIONS:
        for execute in EXECUTES:
            # Where the caller executes, Axiru's way to Stripe takes no part in a decision; agents always do.
            if (part != "Stripe" or execute == "axiru") and (action, execute) != (AGENT_PAYMENT, "axiru"):
                yield action, execute


def surface_of(action: Action) -> str:
    """The surface that decides how an action is answered."""
    return f"{AGENT_RAIL if action == AGENT_PAYMENT else 'stripe'}.{action}"
