"""Policies and their versions. A published version never changes: its source is what its hash was taken of."""

from piccolo.columns import Integer, Text, Timestamptz
from piccolo.table import Table


class Policy(Table, tablename="policies"):
    id = Text(primary_key=True)
    organization_id = Text()
    slug = Text()
    created_at = Timestamptz()


class PolicyVersion(Table, tablename="policy_versions"):
    """`status` is draft, shadow, active or retired; at most one version of a policy is active."""

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
    published_at = Timestamptz(null=True, default=None)
    activated_at = Timestamptz(null=True, default=None)
