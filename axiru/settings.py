"""Settings from the environment, read once a process. `axiru settings` prints this list."""

import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from axiru.errors import ConfigurationInvalid

PREFIX = "AXIRU_"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every process may be told; each field is `AXIRU_<FIELD NAME>` in the environment."""

    database_url: Annotated[str, Meta(description="PostgreSQL as the role axiru_app")] = ""
    database_admin_url: Annotated[str, Meta(description="PostgreSQL as the tables' owner, for `axiru migrate`")] = ""
    database_pool_size: Annotated[int, Meta(ge=2, description="connections a process keeps open")] = 16
    redis_url: Annotated[str, Meta(description="Redis or Valkey for rate limits")] = ""
    temporal_address: Annotated[str, Meta(description="host:port of the Temporal frontend")] = "127.0.0.1:7233"
    temporal_namespace: Annotated[str, Meta(description="Temporal namespace")] = "default"
    temporal_task_queue: Annotated[str, Meta(description="task queue of the workers")] = "axiru"
    temporal_api_key: Annotated[str, Meta(description="API key for Temporal Cloud; empty for none")] = ""
    temporal_tls: Annotated[bool, Meta(description="TLS to Temporal; implied by an API key")] = False
    stripe_api_base: Annotated[str, Meta(description="where Stripe's API is")] = "https://api.stripe.com"
    stripe_timeout_seconds: Annotated[int, Meta(ge=1, le=30, description="limit for one call to Stripe")] = 20
    stripe_reads_per_second: Annotated[
        int, Meta(ge=1, le=25, description="lists a worker reads of Stripe's history a second; Stripe allows 25 to 100")
    ] = 10
    stripe_authorize_url: Annotated[
        str, Meta(description="where people allow the Stripe App: its OAuth install link")
    ] = "https://marketplace.stripe.com/oauth/v2/authorize"
    stripe_client_id_test: Annotated[str, Meta(description="client id of the Stripe App in test mode")] = ""
    stripe_client_id_live: Annotated[str, Meta(description="client id of the Stripe App in live mode")] = ""
    stripe_app_key_test: Annotated[str, Meta(description="the app's own secret key in test mode, for OAuth")] = ""
    stripe_app_key_live: Annotated[str, Meta(description="the app's own secret key in live mode, for OAuth")] = ""
    stripe_oauth_pkce: Annotated[bool, Meta(description="the authorize page offers PKCE (RFC 7636): use it")] = False
    stripe_webhook_secrets: Annotated[
        str, Meta(description="signing secrets of POST /webhooks/stripe, separated by commas")
    ] = ""
    dispute_lead_hours: Annotated[
        int, Meta(ge=1, description="so long before a dispute's deadline the last good packet goes out")
    ] = 6
    vault_key: Annotated[
        str, Meta(description="master keys of the vault, 32 bytes in base64 each, the current one first, by commas")
    ] = ""
    vault_key_file: Annotated[
        str, Meta(description="file that holds the master keys, one a line, instead of AXIRU_VAULT_KEY")
    ] = ""
    issuer: Annotated[str, Meta(description="`iss` of tokens: the API's public URL")] = "http://127.0.0.1:8400"
    token_rotation_hours: Annotated[
        float, Meta(gt=0, description="how long a key signs tokens before the next one does")
    ] = 720.0
    token_key_lead_seconds: Annotated[
        int, Meta(ge=1, description="how long a key is published before it signs tokens")
    ] = 3_600
    token_key_tail_seconds: Annotated[
        int, Meta(ge=1, description="how long a key stays published after it signed its last token")
    ] = 3_900
    token_seconds: Annotated[
        int, Meta(ge=1, le=300, description="how long a token is valid, under keys that are made from now on")
    ] = 300
    operator_organization: Annotated[
        str,
        Meta(description="organization whose admins revoke token keys over HTTP, for all; empty: `axiru keys` alone"),
    ] = ""
    api_host: Annotated[str, Meta(description="address the API listens on")] = "127.0.0.1"
    api_port: Annotated[int, Meta(ge=0, le=65535, description="port the API listens on")] = 8400
    api_url: Annotated[str, Meta(description="where the console and the CLI find the API")] = "http://127.0.0.1:8400"
    api_key: Annotated[str, Meta(description="API key or session token that the CLI asks with")] = ""
    console_host: Annotated[str, Meta(description="address the console listens on")] = "127.0.0.1"
    console_port: Annotated[int, Meta(ge=0, le=65535, description="port the console listens on")] = 8401
    console_secret: Annotated[str, Meta(description="signs the console's cookies; required to start the console")] = ""
    console_https_only: Annotated[bool, Meta(description="the console is reached by HTTPS alone")] = False
    decide_timeout_seconds: Annotated[float, Meta(gt=0, description="then the API answers decision_failed")] = 10.0
    rate_per_minute: Annotated[int, Meta(ge=1, description="requests a minute for a key that names no rate")] = 100
    session_hours: Annotated[int, Meta(ge=1, description="absolute lifetime of a log-in")] = 12
    session_idle_minutes: Annotated[int, Meta(ge=1, description="a log-in not used for so long ends")] = 60
    login_failures: Annotated[int, Meta(ge=1, description="wrong passwords in a row that lock a log-in")] = 10
    lockout_minutes: Annotated[int, Meta(ge=1, description="how long a log-in stays locked")] = 15
    console_url: Annotated[str, Meta(description="the console's public URL, for links in messages")] = ""
    slack_signing_secret: Annotated[str, Meta(description="signing secret of the Slack app; empty: no Slack")] = ""
    slack_api_base: Annotated[str, Meta(description="where Slack's Web API is")] = "https://slack.com/api/"
    smtp_host: Annotated[str, Meta(description="SMTP server for mails; empty: no mails")] = ""
    smtp_port: Annotated[int, Meta(ge=1, le=65535, description="its port")] = 587
    smtp_username: Annotated[str, Meta(description="user name for SMTP AUTH; empty for none")] = ""
    smtp_password: Annotated[str, Meta(description="password for SMTP AUTH")] = ""
    smtp_security: Annotated[Literal["starttls", "tls", "none"], Meta(description="how SMTP is encrypted")] = "starttls"
    mail_from: Annotated[str, Meta(description="sender of mails")] = ""
    webhook_insecure_targets: Annotated[
        bool, Meta(description="webhooks may go to http and private addresses: for a local stack only")
    ] = False
    log_level: Annotated[str, Meta(description="debug, info, warning or error")] = "info"

    def __post_init__(self) -> None:
        """Raises ConfigurationInvalid for settings that fit, and not one beside the other."""
        if self.token_key_tail_seconds < self.token_seconds:
            raise ConfigurationInvalid(
                "AXIRU_TOKEN_KEY_TAIL_SECONDS is under AXIRU_TOKEN_SECONDS: tokens would outlive the key they need."
            )
        if self.token_rotation_hours * 3_600 < self.token_key_lead_seconds:
            raise ConfigurationInvalid(
                "AXIRU_TOKEN_ROTATION_HOURS is under AXIRU_TOKEN_KEY_LEAD_SECONDS: keys would sign unseen."
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read `AXIRU_*`. Raises ConfigurationInvalid naming the first setting that does not fit its type."""
        environment = os.environ if environment is None else environment
        given = {
            field.encode_name: environment[PREFIX + field.encode_name.upper()]
            for field in msgspec.structs.fields(cls)
            if PREFIX + field.encode_name.upper() in environment
        }
        try:
            return msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            raise ConfigurationInvalid(f"A setting from the environment does not fit: {error}") from error

    def require(self, *names: str) -> None:
        """Refuse to go on when one of the named settings is empty. Raises ConfigurationInvalid."""
        for name in names:
            if not getattr(self, name):
                raise ConfigurationInvalid(f"{PREFIX}{name.upper()} is not set: {_description(name)}.")

    def as_environment(self) -> dict[str, str]:
        """The same settings as `AXIRU_*` variables, for a child process."""
        return {
            PREFIX + name.upper(): str(int(value) if isinstance(value, bool) else value)
            for name, value in msgspec.structs.asdict(self).items()
        }


def described() -> Iterator[tuple[str, object, str]]:
    """(environment variable, default, description) of every setting, in the order they are declared."""
    for field in msgspec.structs.fields(Settings):
        yield PREFIX + field.encode_name.upper(), field.default, _description(field.encode_name)


def _description(name: str) -> str:
    annotation = Settings.__annotations__[name]
    return next(str(meta.description) for meta in annotation.__metadata__ if isinstance(meta, Meta))
