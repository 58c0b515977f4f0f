"""What brings a version or a list into force: somebody other than its authors, and a row that the database can see."""

from collections.abc import Collection
from typing import Final

from axiru.database import row, rows
from axiru.domain.movement import Mode
from ledger.acts.chain import Act
from ledger.acts.vote import NotEligible

ALL_TRAFFIC: Final = 100

BOTH_MODES: Final[tuple[Mode, ...]] = ("live", "test")
"""A version is one and the same in both modes, so both chains tell what becomes of it."""

ACTIVATIONS_MODE: Final[Mode] = "live"
"""The chain whose entry is named where one stands for both."""


async def check_member(member_id: str, organization_id: str) -> None:
    """Read in the act's own transaction, so that somebody who was removed changes nothing. Raises NotEligible."""
    found = await row(
        "SELECT id FROM members WHERE id = {} AND organization_id = {} AND disabled_at IS NULL",
        member_id,
        organization_id,
    )
    if found is None:
        raise NotEligible("Only a member of the organization changes what decides.", because="member")


def check_second_person(member_id: str, author_member_ids: Collection[str]) -> None:
    """Raises NotEligible for an author."""
    if member_id in author_member_ids:
        raise NotEligible(
            "You wrote this; somebody else puts it in force or takes it out.",
            because="author",
            author_member_ids=list(author_member_ids),
        )


async def record_activation(
    activation_id: str, version_id: str, member_id: str, percent: int, seq: int, activating: Act
) -> None:
    """Write down which entry, `seq` of the chain of `ACTIVATIONS_MODE`, gives the version its share of the traffic."""
    await rows(
        "INSERT INTO activations (id, organization_id, mode, version_id, member_id, percent, seq, activated_at) "
        "VALUES ({}, {}, {}, {}, {}, {}, {}, {})",
        activation_id,
        activating.organization_id,
        activating.mode,
        version_id,
        member_id,
        percent,
        seq,
        activating.now,
    )
