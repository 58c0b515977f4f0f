"""Policies, their drafts and versions. A published version never changes: its source is what its hash was taken of."""

from piccolo.columns import Array, BigInt, Boolean, Integer, Numeric, Text, Timestamptz
from piccolo.table import Table


class Policy(Table, tablename="policies"):
    id = Text(primary_key=True)
    organization_id = Text()
    slug = Text()
    created_at = Timestamptz()


class PolicyDraft(Table, tablename="policy_drafts"):
    """A text that is still to be published. Whoever saved it once is one of its authors."""

    id = Text(primary_key=True)
    organization_id = Text()
    slug = Text()
    format = Text()
    source = Text()
    note = Text()
    author_member_ids = Array(base_column=Text())
    revision = Integer()
    created_at = Timestamptz()
    updated_at = Timestamptz()
    published_version = Integer(null=True, default=None)
    discarded_at = Timestamptz(null=True, default=None)


class PolicyVersion(Table, tablename="policy_versions"):
    """`status` is shadow, active or retired; at most one version of a policy is active, and one has a canary's share.

    `source` is YAML always; `plain_source` is what was written, where that was plain language. `activation_id` is the
    act that gave the version the share of traffic it has, or took it away.
    """

    id = Text(primary_key=True)
    organization_id = Text()
    slug = Text()
    version = Integer()
    status = Text()
    source = Text()
    content_hash = Text()
    author_member_id = Text()
    note = Text(default="")
    created_at = Timestamptz()
    published_at = Timestamptz()
    activated_at = Timestamptz(null=True, default=None)
    author_member_ids = Array(base_column=Text())
    plain_source = Text(null=True, default=None)
    language = Integer(default=2)
    canary_percent = Integer(default=0)
    activation_id = Text(null=True, default=None)
    retired_at = Timestamptz(null=True, default=None)


class Activation(Table, tablename="activations"):
    """A sealed change of the share of traffic, in percent, that a policy or list version decides."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    version_id = Text()
    member_id = Text()
    percent = Integer()
    seq = BigInt()
    activated_at = Timestamptz()


class ShadowResult(Table, tablename="shadow_results"):
    """What a version that did not decide said of one decision, beside what counted."""

    decision_id = Text(primary_key=True)
    version_id = Text()
    organization_id = Text()
    mode = Text()
    slug = Text()
    version = Integer()
    outcome = Text()
    reason = Text()
    rule_id = Text(null=True, default=None)
    live_version_id = Text(null=True, default=None)
    live_outcome = Text()
    live_reason = Text()
    live_rule_id = Text(null=True, default=None)
    agrees = Boolean()
    surface_mode = Text()
    rail = Text()
    rail_action = Text()
    amount_cents = Numeric()
    currency = Text()
    decided_at = Timestamptz()
