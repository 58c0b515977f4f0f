"""Where everything of one stack is: ports are chosen once at the start and kept while it runs."""

import os

import msgspec

from axiru.dev.dev_json import DEMO_ORGANIZATION_ID
from axiru.dev.home import Home, StackSecrets
from axiru.dev.ports import LOOPBACK, Ports
from axiru.dev.postgres import Database
from axiru.dev.sandbox import installations
from axiru.dev.temporal_config import TemporalConfig
from axiru.dev.valkey import redis_url
from axiru.settings import Settings


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Ports on the loopback address; `temporal_external` is the server that was named instead of an embedded one."""

    api_port: int
    console_port: int
    postgres_port: int
    valkey_port: int
    stripe_port: int
    stripe_mock_port: int
    slack_port: int
    mail_port: int
    smtp_port: int
    temporal_port: int
    temporal_ui_port: int
    temporal_external: str

    @property
    def api_url(self) -> str:
        return f"http://{LOOPBACK}:{self.api_port}"

    @property
    def console_url(self) -> str:
        return f"http://{LOOPBACK}:{self.console_port}"

    @property
    def stripe_url(self) -> str:
        return f"http://{LOOPBACK}:{self.stripe_port}"

    @property
    def stripe_mock_url(self) -> str:
        return f"http://{LOOPBACK}:{self.stripe_mock_port}"

    @property
    def slack_url(self) -> str:
        return f"http://{LOOPBACK}:{self.slack_port}"

    @property
    def mail_url(self) -> str:
        return f"http://{LOOPBACK}:{self.mail_port}"

    @property
    def temporal_address(self) -> str:
        return self.temporal_external or f"{LOOPBACK}:{self.temporal_port}"

    @property
    def temporal_ui_url(self) -> str:
        return "" if self.temporal_external else f"http://{LOOPBACK}:{self.temporal_ui_port}"


def choose(api_port: int, console_port: int, config: TemporalConfig) -> Addresses:
    """Take the ports that were asked for and free ones for the rest. Raises PortInUse."""
    ports = Ports()
    return Addresses(
        api_port=ports.claim(api_port, title="API", option="--api-port"),
        console_port=ports.claim(console_port, title="console", option="--console-port"),
        postgres_port=ports.free(),
        valkey_port=ports.free(),
        stripe_port=ports.free(),
        stripe_mock_port=ports.free(),
        slack_port=ports.free(),
        mail_port=ports.free(),
        smtp_port=ports.free(),
        temporal_port=ports.prefer(config.server.port),
        temporal_ui_port=ports.prefer(config.server.ui_port),
        temporal_external=os.environ.get("AXIRU_TEMPORAL_ADDRESS", ""),
    )


def settings_for(
    addresses: Addresses, home: Home, secrets: StackSecrets, database: Database, namespace: str
) -> Settings:
    """What Axiru's processes are told; the environment has what is left. Raises ConfigurationInvalid."""
    given = Settings.from_environment()
    return msgspec.structs.replace(
        given,
        database_url=database.app_url,
        database_admin_url="",
        redis_url=redis_url(addresses.valkey_port, secrets.redis_password),
        temporal_address=addresses.temporal_address,
        temporal_namespace=given.temporal_namespace if addresses.temporal_external else namespace,
        stripe_api_base=addresses.stripe_url,
        stripe_authorize_url=f"{addresses.stripe_url}/oauth/v2/authorize",
        stripe_client_id_test=installations.CLIENT_ID_TEST,
        stripe_client_id_live=installations.CLIENT_ID_LIVE,
        stripe_app_key_test=installations.APP_KEY_TEST,
        stripe_app_key_live=installations.APP_KEY_LIVE,
        stripe_oauth_pkce=True,
        stripe_webhook_secrets=secrets.stripe_webhook_secret,
        vault_key="",
        vault_key_file=str(home.vault_key()),
        issuer=addresses.api_url,
        operator_organization=DEMO_ORGANIZATION_ID,
        api_host=LOOPBACK,
        api_port=addresses.api_port,
        api_url=addresses.api_url,
        console_host=LOOPBACK,
        console_port=addresses.console_port,
        console_secret=secrets.console_secret,
        console_url=addresses.console_url,
        slack_signing_secret=secrets.slack_signing_secret,
        slack_api_base=f"{addresses.slack_url}/api/",
        smtp_host=LOOPBACK,
        smtp_port=addresses.smtp_port,
        smtp_username="",
        smtp_password="",
        smtp_security="none",
        mail_from="Axiru <axiru@demo.example>",
        webhook_insecure_targets=True,
    )
