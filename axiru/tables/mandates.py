"""Whose mandates an organization takes."""

from piccolo.columns import JSONB, Text, Timestamptz
from piccolo.table import Table


class Ap2Issuer(Table, tablename="ap2_issuers"):
    """A public key that mandates of AP2 are signed with, and who it belongs to; `issuer` is their name in mandates."""

    id = Text(primary_key=True)
    organization_id = Text()
    issuer = Text()
    name = Text()
    jwk = JSONB()
    thumbprint = Text()
    added_by = Text()
    added_at = Timestamptz()
    removed_by = Text(null=True, default=None)
    removed_at = Timestamptz(null=True, default=None)
    removed_reason = Text(null=True, default=None)
