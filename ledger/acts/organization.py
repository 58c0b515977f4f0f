"""What an organization chose for itself; sealed in both modes."""

from typing import Literal

from axiru.database import row, rows
from ledger.acts.chain import acts
from ledger.acts.member_record import check_admin
from ledger.acts.second_person import BOTH_MODES
from ledger.entry import EntrySigner

BreakGlassRule = Literal["off", "two_people", "one_with_alarm"]


async def choose_break_glass(
    rule: BreakGlassRule, *, organization_id: str, by_member_id: str, signer: EntrySigner
) -> None:
    """Say who may approve past quorum and roles in an emergency. Raises NotEligible for all but admins."""
    async with acts(signer, organization_id, BOTH_MODES) as choosing:
        await check_admin(by_member_id, organization_id)
        before = await row("SELECT break_glass FROM organization_settings WHERE organization_id = {}", organization_id)
        chosen_before = before["break_glass"] if before else "two_people"
        if chosen_before == rule:
            return
        await rows(
            """
            INSERT INTO organization_settings (organization_id, break_glass, updated_by, updated_at)
            VALUES ({}, {}, {}, {}) ON CONFLICT (organization_id) DO UPDATE
            SET break_glass = excluded.break_glass, updated_by = excluded.updated_by, updated_at = excluded.updated_at
            """,
            organization_id,
            rule,
            by_member_id,
            choosing[0].now,
        )
        for one in choosing:
            facts = {"break_glass": rule, "break_glass_before": chosen_before, "by_member_id": by_member_id}
            one.seal("organization", facts)
            one.tell("organization", {"break_glass": rule})
