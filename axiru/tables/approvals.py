"""Approvals, the votes cast on them and what is said beside them; who stands in for whom; break-glass."""

from piccolo.columns import JSONB, Array, BigInt, Boolean, Text, Timestamptz
from piccolo.table import Table


class Approval(Table, tablename="approvals"):
    """One question to people. `digest` binds every vote to exactly what will be executed; the deadline never moves.

    `excluded_member_ids` may never approve it; `context` is what Stripe said of the payment when people were asked.
    """

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
    excluded_member_ids = Array(base_column=Text())
    context = JSONB(null=True, default=None)
    context_read_at = Timestamptz(null=True, default=None)
    assignee_member_id = Text(null=True, default=None)
    assigned_by = Text(null=True, default=None)
    assigned_at = Timestamptz(null=True, default=None)
    info_requested_at = Timestamptz(null=True, default=None)


class Vote(Table, tablename="votes"):
    """One member's word on one approval; the database lets nobody have two.

    `roles` are the approver roles the member held then; `role` is the one the vote is shown under. `on_behalf_of` is
    the member a delegate voted for; `door_ref` is what the door knows the vote by, such as a webhook's message id.
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
    on_behalf_of = Text(null=True, default=None)
    door_ref = Text(null=True, default=None)


class ApprovalComment(Table, tablename="approval_comments"):
    """What was said beside an approval; `seq` is the entry that sealed a commitment to it."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    approval_id = Text()
    member_id = Text()
    kind = Text()
    text = Text()
    door = Text()
    seq = BigInt()
    written_at = Timestamptz()


class Delegation(Table, tablename="delegations"):
    """While `from_member_id` is out of office, `to_member_id` votes in their place."""

    id = Text(primary_key=True)
    organization_id = Text()
    from_member_id = Text()
    to_member_id = Text()
    reason = Text()
    starts_at = Timestamptz()
    ends_at = Timestamptz()
    created_by = Text()
    created_at = Timestamptz()
    ended_at = Timestamptz(null=True, default=None)


class BreakGlass(Table, tablename="break_glass"):
    """An approval past quorum and roles, by two people or by one and an alarm."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    approval_id = Text()
    decision_id = Text()
    state = Text()
    alone = Boolean()
    digest = Text()
    reason = Text()
    opened_by = Text()
    opened_at = Timestamptz()
    expires_at = Timestamptz()
    confirmed_by = Text(null=True, default=None)
    confirmed_at = Timestamptz(null=True, default=None)
