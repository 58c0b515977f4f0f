"""Who there is: organizations, their people, keys, Stripe connections, and which surfaces enforce."""

from piccolo.columns import JSONB, Array, BigInt, Boolean, Bytea, Integer, Text, Timestamptz
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
    scopes = Array(base_column=Text())
    delegated_by = Text(null=True, default=None)
    expires_at = Timestamptz(null=True, default=None)


class OrganizationSettings(Table, tablename="organization_settings"):
    """What an organization chose for itself; without a row the defaults hold."""

    organization_id = Text(primary_key=True)
    break_glass = Text(default="two_people")
    bypass_alerts = Array(base_column=Text())
    budget_alert_percent = Integer(default=80)
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
    agent = Text(null=True, default=None)


class StripeConnection(Table, tablename="stripe_connections"):
    """An account of Stripe in one mode; its tokens are sealed by the vault.

    `write_actions` are what was granted here, whatever Stripe would permit. `active` has a token that works, `revoked`
    was taken back at Stripe, `disconnected` was ended here.
    """

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
    name = Text(default="")
    scope = Text(default="")
    refresh_ciphertext = Bytea(null=True, default=None, secret=True)
    token_expires_at = Timestamptz(null=True, default=None)
    refreshed_at = Timestamptz(null=True, default=None)
    refreshing_until = Timestamptz(null=True, default=None)
    connected_by = Text(null=True, default=None)
    status_reason = Text(null=True, default=None)
    status_changed_at = Timestamptz(null=True, default=None)
    reconciled_at = Timestamptz(null=True, default=None)
    missed_events = BigInt(default=0)


class StripeInstall(Table, tablename="stripe_installs"):
    """An installation under way: who began it, in which browser. Of ticket, state and cookie only SHA-256s are kept."""

    ticket_hash = Text(primary_key=True, secret=True)
    organization_id = Text()
    mode = Text()
    member_id = Text()
    state_hash = Text(null=True, default=None, secret=True)
    browser_hash = Text(null=True, default=None, secret=True)
    verifier_ciphertext = Bytea(null=True, default=None, secret=True)
    created_at = Timestamptz()
    expires_at = Timestamptz()
    used_at = Timestamptz(null=True, default=None)


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
    updated_by = Text(null=True, default=None)
    reason = Text(null=True, default=None)
    override_reason = Text(null=True, default=None)
