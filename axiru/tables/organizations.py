"""Who there is: organizations, their people, keys, Stripe connections, and which surfaces enforce."""

from piccolo.columns import JSONB, Array, Boolean, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table


class Organization(Table, tablename="organizations"):
    id = Text(primary_key=True)
    name = Text()
    created_at = Timestamptz()


class Member(Table, tablename="members"):
    id = Text(primary_key=True)
    organization_id = Text()
    email = Text(unique=True)
    name = Text()
    password_hash = Text(secret=True)
    roles = Array(base_column=Text())
    created_at = Timestamptz()
    disabled_at = Timestamptz(null=True, default=None)


class Session(Table, tablename="sessions"):
    """A log-in. Only the SHA-256 of its token is kept."""

    token_hash = Text(primary_key=True, secret=True)
    organization_id = Text()
    member_id = Text()
    created_at = Timestamptz()
    expires_at = Timestamptz()
    revoked_at = Timestamptz(null=True, default=None)


class ApiKey(Table, tablename="api_keys"):
    """A key of one mode. Only the SHA-256 of its secret is kept: secrets have 160 random bits, so no salt is needed."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    name = Text()
    secret_hash = Text(unique=True, secret=True)
    hint = Text()
    scopes = Array(base_column=Text())
    owner_member_id = Text()
    rate_per_minute = Integer(null=True, default=None)
    outcome_style = Text(default="reference")
    created_at = Timestamptz()
    expires_at = Timestamptz(null=True, default=None)
    revoked_at = Timestamptz(null=True, default=None)


class StripeConnection(Table, tablename="stripe_connections"):
    """An account of Stripe in one mode; the token is sealed by the vault."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    stripe_account_id = Text()
    token_ciphertext = Bytea(secret=True)
    write_actions = Array(base_column=Text())
    default_currency = Text()
    is_default = Boolean(default=False)
    status = Text(default="active")
    profile = JSONB(default="{}")
    created_at = Timestamptz()


class Surface(Table, tablename="surfaces"):
    """A surface that was set on purpose; every other one is in shadow."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    stripe_connection_id = Text(default="")
    rail = Text()
    rail_action = Text()
    surface_mode = Text(default="shadow")
    updated_at = Timestamptz()
