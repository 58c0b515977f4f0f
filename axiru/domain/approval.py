"""Votes: what a person says about one approval, and where that leaves it."""

from datetime import datetime
from typing import Literal

import msgspec

Verdict = Literal["approve", "deny"]
Door = Literal["api", "console", "slack", "email", "webhook"]
ApprovalState = Literal["pending", "approved", "denied", "expired"]


class Ballot(msgspec.Struct, frozen=True):
    """A vote to be cast. `digest`, when the voter's door shows one, must be the approval's own."""

    approval_id: str
    organization_id: str
    member_id: str
    verdict: Verdict
    reason: str
    door: Door
    digest: str | None = None


class VoteReceipt(msgspec.Struct, frozen=True):
    """A vote as it was sealed, and the approval's state right after it."""

    vote_id: str
    approval_id: str
    decision_id: str
    approval_state: ApprovalState
    ledger_id: str
    cast_at: datetime
