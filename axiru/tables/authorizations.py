"""Tokens that authorizations were answered with."""

from piccolo.columns import Numeric, Text, Timestamptz
from piccolo.table import Table


class AuthorizationToken(Table, tablename="authorization_tokens"):
    """One token, by its `jti`. The signed text is not kept: it is signed anew, with the same claims, when asked for.

    Of the tokens of one decision one is consumed, and then settled or failed, once.
    """

    jti = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    decision_id = Text()
    key_id = Text()
    ledger_id = Text()
    issued_at = Timestamptz()
    expires_at = Timestamptz()
    consumed_at = Timestamptz(null=True, default=None)
    consumed_by = Text(null=True, default=None)
    settled_at = Timestamptz(null=True, default=None)
    settlement = Text(null=True, default=None)
    settled_units = Numeric(null=True, default=None)
    settled_by = Text(null=True, default=None)
