"""Approvals and the votes cast on them."""

from piccolo.columns import JSONB, Array, Text, Timestamptz
from piccolo.table import Table


class Approval(Table, tablename="approvals"):
    """One question to people. `digest` binds every vote to exactly what will be executed; the deadline never moves."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    decision_id = Text(unique=True)
    state = Text()
    terms = JSONB()
    digest = Text()
    requested_by = Text()
    asked_at = Timestamptz()
    expires_at = Timestamptz()
    closed_at = Timestamptz(null=True, default=None)


class Vote(Table, tablename="votes"):
    """One member's word on one approval; the database lets nobody have two.

    `roles` are the approver roles the member held then; `role` is the one the vote is shown under.
    """

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    approval_id = Text()
    member_id = Text()
    verdict = Text()
    role = Text()
    roles = Array(base_column=Text())
    digest = Text()
    reason = Text(default="")
    door = Text()
    cast_at = Timestamptz()
