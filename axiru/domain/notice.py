"""Notices: when those who have to approve are reminded, and when others may stand in for them."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from axiru.domain.evaluation import ReviewTerms

NoticeKind = Literal["reminder", "escalation"]


class Notice(msgspec.Struct, frozen=True):
    """One notice of one approval; `number` counts them from 1, as they are due. `role` is whom an escalation is for."""

    number: int
    kind: NoticeKind
    due_at: datetime
    role: str | None = None


def notices_of(terms: ReviewTerms, asked_at: datetime, expires_at: datetime) -> tuple[Notice, ...]:
    """All that are due before the deadline, in time; of those due together, reminders first."""
    reminders: list[tuple[int, NoticeKind, str | None]] = [
        (seconds, "reminder", None) for seconds in terms.reminders_seconds
    ]
    escalations: list[tuple[int, NoticeKind, str | None]] = [
        (escalation.after_seconds, "escalation", escalation.role) for escalation in terms.escalations
    ]
    in_time = sorted(reminders + escalations, key=lambda one: one[0])
    due = [(asked_at + timedelta(seconds=seconds), kind, role) for seconds, kind, role in in_time]
    return tuple(
        Notice(number, kind, at, role)
        for number, (at, kind, role) in enumerate([one for one in due if one[0] < expires_at], start=1)
    )
