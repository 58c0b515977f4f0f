"""What comes in and goes out beside the API: deliveries, webhook endpoints, Slack, links in mails."""

from piccolo.columns import JSONB, Array, Boolean, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table


class WebhookEndpoint(Table, tablename="webhook_endpoints"):
    """Where webhooks go, and whose votes come in signed with its secret. Secrets are sealed by the vault.

    `previous_secret_votes`: whether votes still come in under the previous secret, or it only signs what goes out.
    """

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    url = Text()
    description = Text()
    events = Array(base_column=Text())
    secret_ciphertext = Bytea(secret=True)
    previous_secret_ciphertext = Bytea(null=True, default=None, secret=True)
    previous_secret_until = Timestamptz(null=True, default=None)
    previous_secret_votes = Boolean(default=False)
    votes_as = Text(null=True, default=None)
    created_by = Text()
    created_at = Timestamptz()
    disabled_at = Timestamptz(null=True, default=None)
    removed_at = Timestamptz(null=True, default=None)


class WalletPolicy(Table, tablename="wallet_policies"):
    """Where a wallet asks before it signs. It asks with a key of its own, and ends when that is revoked.

    What its messages are signed with, and the key, are sealed by the vault.
    """

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    name = Text()
    api_key_id = Text()
    secret_ciphertext = Bytea(secret=True)
    created_by = Text()
    created_at = Timestamptz()


class Delivery(Table, tablename="deliveries"):
    """One message to one target. `dedupe` names what it tells, so that the relay may read the outbox twice."""

    id = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    channel = Text()
    target = Text()
    event = Text()
    body = JSONB()
    dedupe = Text(unique=True)
    state = Text()
    attempts = Integer(default=0)
    next_attempt_at = Timestamptz()
    created_at = Timestamptz()
    finished_at = Timestamptz(null=True, default=None)
    last_status = Integer(null=True, default=None)
    last_detail = Text(null=True, default=None)
    resend_of = Text(null=True, default=None)


class DeliveryAttempt(Table, tablename="delivery_attempts"):
    """The log: every try, and what the other side said."""

    delivery_id = Text(primary_key=True)
    attempt = Integer()
    began_at = Timestamptz()
    milliseconds = Integer()
    outcome = Text()
    status = Integer(null=True, default=None)
    detail = Text()


class ReceivedMessage(Table, tablename="received_messages"):
    """A signed message that came in; the second one of the same id does nothing."""

    door = Text(primary_key=True)
    message_id = Text()
    received_at = Timestamptz()
    answer = JSONB(null=True, default=None)


class SlackInstallation(Table, tablename="slack_installations"):
    """An organization's Slack workspace and the channel that approvals are posted to."""

    id = Text(primary_key=True)
    organization_id = Text()
    team_id = Text()
    channel_id = Text()
    bot_token_ciphertext = Bytea(secret=True)
    installed_by = Text()
    installed_at = Timestamptz()
    removed_at = Timestamptz(null=True, default=None)


class SlackLinkCode(Table, tablename="slack_link_codes"):
    """A code shown to a member who is logged in; typed in Slack it links the two. Only its SHA-256 is kept."""

    code_hash = Text(primary_key=True, secret=True)
    organization_id = Text()
    member_id = Text()
    created_at = Timestamptz()
    expires_at = Timestamptz()
    used_at = Timestamptz(null=True, default=None)


class SlackLink(Table, tablename="slack_links"):
    """One Slack user is one member."""

    id = Text(primary_key=True)
    organization_id = Text()
    team_id = Text()
    slack_user_id = Text()
    member_id = Text()
    linked_at = Timestamptz()
    unlinked_at = Timestamptz(null=True, default=None)


class SlackMessage(Table, tablename="slack_messages"):
    """Where an approval's message is, so that it is updated and its events go into its thread."""

    approval_id = Text(primary_key=True)
    organization_id = Text()
    team_id = Text()
    channel_id = Text()
    ts = Text()
    posted_at = Timestamptz()


class EmailLink(Table, tablename="email_links"):
    """A link in a mail: one member, one approval, one digest, one use. Only the SHA-256 of its token is kept."""

    token_hash = Text(primary_key=True, secret=True)
    organization_id = Text()
    approval_id = Text()
    member_id = Text()
    digest = Text()
    created_at = Timestamptz()
    expires_at = Timestamptz()
