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
    failed_logins = Integer(default=0)
    locked_until = Timestamptz(null=True, default=None)
    notify_by_email = Boolean(default=True)


class PasswordLink(Table, tablename="password_links"):
    """A link by which a member sets their own password, once. Only the SHA-256 of its token is kept."""

    token_hash = Text(primary_key=True, secret=True)
    organization_id = Text()
    member_id = Text()
    created_by = Text()
    created_at = Timestamptz()
    expires_at = Timestamptz()
    used_at = Timestamptz(null=True, default=None)
    opened_at = Timestamptz(null=True, default=None)


class Agent(Table, tablename="agents"):
    """An agent by the id that requests name it with, and the member who answers for it."""

    id = Text(primary_key=True)
    organization_id = Text()
    agent_id = Text()
    name = Text()
    owner_member_id = Text()
    registered_by = Text()
    registered_at = Timestamptz()
    retired_at = Timestamptz(null=True, default=None)


class OrganizationSettings(Table, tablename="organization_settings"):
    """What an organization chose for itself; without a row the defaults hold."""

    organization_id = Text(primary_key=True)
    break_glass = Text(default="two_people")
    updated_by = Text()
    updated_at = Timestamptz()


class Session(Table, tablename="sessions"):
    """A log-in. Only the SHA-256 of its token is kept."""

    token_hash = Text(primary_key=True, secret=True)
    organization_id = Text()
    member_id = Text()
    created_at = Timestamptz()
    expires_at = Timestamptz()
    revoked_at = Timestamptz(null=True, default=None)
    last_seen_at = Timestamptz()


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
    last_used_at = Timestamptz(null=True, default=None)
    created_by = Text(null=True, default=None)
    revoked_by = Text(null=True, default=None)


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
