"""Replays of history: a file or stored decisions run through a policy, with what was found."""

from piccolo.columns import JSONB, Array, BigInt, Bytea, Integer, Numeric, Text, Timestamptz
from piccolo.table import Table


class Replay(Table, tablename="replays"):
    """`state` is waiting, running, done or failed. Deleted with its upload and findings once it has expired."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    source = Text()
    title = Text()
    state = Text()
    policy_source = Text()
    policy_name = Text()
    since = Timestamptz(null=True, default=None)
    until = Timestamptz(null=True, default=None)
    rows_total = BigInt(null=True, default=None)
    rows_done = BigInt(default=0)
    result = JSONB(null=True, default=None)
    error = JSONB(null=True, default=None)
    requested_by = Text()
    created_at = Timestamptz()
    finished_at = Timestamptz(null=True, default=None)
    expires_at = Timestamptz()
    stripe_connection_id = Text(null=True, default=None)


class ReplayUpload(Table, tablename="replay_uploads"):
    replay_id = Text(primary_key=True)
    content = Bytea()


class ReplayFinding(Table, tablename="replay_findings"):
    """One row of history that is not simply allowed; `was` is the stored outcome it is compared with."""

    replay_id = Text(primary_key=True)
    position = Integer()
    line = Integer(null=True, default=None)
    subject = Text()
    outcome = Text()
    rule = Text(null=True, default=None)
    reason = Text()
    message = Text()
    amount_cents = Numeric()
    currency = Text()
    moved_at = Timestamptz(null=True, default=None)
    flags = Array(base_column=Text())
    was = Text(null=True, default=None)


class ReplayPull(Table, tablename="replay_pulls"):
    """How far the pulling of history from Stripe is: the list that is being read, and the last object of it."""

    replay_id = Text(primary_key=True)
    stage = Text()
    cursor = Text(null=True, default=None)
    pulled = BigInt(default=0)
    covered_from = Timestamptz(null=True, default=None)
    waited_seconds = Integer(default=0)
    updated_at = Timestamptz()


class ReplayObject(Table, tablename="replay_objects"):
    """One object of Stripe's history, cut down to what rules read."""

    replay_id = Text(primary_key=True)
    kind = Text()
    id = Text()
    happened_at = Timestamptz()
    body = JSONB()
