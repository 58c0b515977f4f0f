"""A link of a mail, opened while the same member votes: it is closed, and nobody is told that they may not vote."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.routes import email_approvals
from axiru.email_links import issue_link
from axiru.errors import AxiruError
from ledger.approval_sheet import read_sheet

REVIEWED_BY = """
policy: refunds
schema: 2
applies_to: {{rail: stripe}}
rules:
  - id: everything
    when: {{rail_action: refund}}
    effect: review
    approvers: {{role: controller, count: {count}, deadline: 1h}}
"""


@pytest.mark.parametrize("count", [1, 2])
async def test_a_vote_between_two_looks_closes_the_link(
    new_house: Any, refund: Any, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    house = await new_house()
    await house.activate(REVIEWED_BY.format(count=count))
    await house.enforce()
    receipt = await house.decided(refund(house))
    sheet = await read_sheet(receipt.approval_id)
    assert sheet is not None
    link = await issue_link(sheet, house.members["controller"], datetime.now(UTC))
    voted = False

    def then_vote(look: Any) -> Any:
        async def looked(*arguments: Any) -> Any:
            nonlocal voted
            found = await look(*arguments)
            if not voted:
                voted = True
                await house.vote(receipt.approval_id)
            return found

        return looked

    for look in ("read_sheet", "standings"):
        monkeypatch.setattr(email_approvals, look, then_vote(getattr(email_approvals, look)))

    async def open_and_vote() -> None:
        opened = await email_approvals._opened(link.token)
        # Shown as it was a moment ago; the act looks again.
        await house.vote(opened.sheet.approval_id)

    with pytest.raises(AxiruError) as refused:
        await open_and_vote()
    assert refused.value.code == "conflict"
