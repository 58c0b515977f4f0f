"""From Stripe's code to a connection: tokens, the account they are for, and the act that keeps both."""

from typing import Final

import httpx
import msgspec
import structlog
from temporalio.service import RPCError

from api.services import Services
from axiru.domain.movement import Mode
from axiru.errors import AxiruError, ConfigurationInvalid
from axiru.settings import Settings
from axiru.stripe_installs import Finishing
from axiru.stripe_oauth import Grant, StripeOutOfReach, TokensRefused, exchange_code
from ledger.acts.connection import AccountTaken, StripeAccount, connect
from ledger.acts.member_record import check_admin
from ledger.acts.vote import NotEligible
from workflows.reconciliation import start_reconciliation

_log = structlog.get_logger("api")

_NO_CURRENCY: Final = "usd"
"""An account that was never activated has no currency of its own yet."""
_STILL_INSTALLED: Final = "The app is installed at Stripe, and Axiru kept no access to the account."


class NotConnected(AxiruError):
    """Stripe agreed, and yet there is no connection; the message says why, and what is left at Stripe."""

    code = "conflict"


class ConnectedAccount(msgspec.Struct, frozen=True):
    connection_id: str
    account_name: str


class _Profile(msgspec.Struct, frozen=True):
    name: str | None = None


class _Dashboard(msgspec.Struct, frozen=True):
    display_name: str | None = None


class _AccountSettings(msgspec.Struct, frozen=True):
    dashboard: _Dashboard | None = None


class _Account(msgspec.Struct, frozen=True):
    """What is read of https://docs.stripe.com/api/accounts/object; an absent attribute is none."""

    id: str
    country: str | None = None
    default_currency: str | None = None
    business_profile: _Profile | None = None
    settings: _AccountSettings | None = None

    @property
    def shown_name(self) -> str:
        names = (
            self.business_profile and self.business_profile.name,
            self.settings and self.settings.dashboard and self.settings.dashboard.display_name,
        )
        return next((name for name in names if name), self.id)[:100]


async def connect_account(services: Services, finishing: Finishing, code: str) -> ConnectedAccount:
    """Exchange the code and keep the connection, for a member who is an admin still.

    Raises NotEligible and NotConnected; neither leaves a connection or a token.
    """
    settings, mode = services.settings, finishing.mode
    try:
        await check_admin(finishing.member_id, finishing.organization_id)
    except NotEligible as error:
        raise NotEligible("Who began this is no admin any more. Nothing was changed.", because="role") from error
    grant = await _exchanged(settings, mode, code, finishing.verifier)
    if grant.livemode != (mode == "live"):
        other = "live" if grant.livemode else "test"
        raise NotConnected(f"This was begun for {mode} mode, and Stripe answered for {other} mode. {_STILL_INSTALLED}")
    account = await _account(settings, grant)
    try:
        connected = await connect(
            account,
            grant,
            organization_id=finishing.organization_id,
            mode=mode,
            member_id=finishing.member_id,
            vault=services.vault,
            signer=services.signer,
        )
    except AccountTaken as error:
        raise NotConnected(error.message) from error
    await _look_back(services, connected.connection_id)
    return ConnectedAccount(connected.connection_id, account.name)


async def _look_back(services: Services, connection_id: str) -> None:
    """What waits for an answer since before, or happened while the account was cut off. The daily look finds it too."""
    try:
        await start_reconciliation(services.temporal, services.settings.temporal_task_queue, connection_id)
    except (RPCError, RuntimeError) as error:
        _log.warning("stripe_connection_not_reconciled", connection_id=connection_id, error=type(error).__name__)


async def _exchanged(settings: Settings, mode: Mode, code: str, verifier: str | None) -> Grant:
    try:
        return await exchange_code(settings, mode, code, verifier=verifier)
    except TokensRefused as error:
        reason = "its code was used or is too old" if error.of == "grant" else "the app is not set up rightly here"
        raise NotConnected(f"Stripe gave no access: {reason}. Begin again. {_STILL_INSTALLED}") from error
    except StripeOutOfReach as error:
        raise NotConnected(f"{error.message} Begin again shortly. {_STILL_INSTALLED}") from error
    except ConfigurationInvalid as error:
        raise NotConnected(f"Connecting in {mode} mode is not set up here. {_STILL_INSTALLED}") from error


async def _account(settings: Settings, grant: Grant) -> StripeAccount:
    """The account as it says itself, by the token that was given for it. Raises NotConnected."""
    headers = {"Authorization": f"Bearer {grant.access_token}"}
    try:
        async with httpx.AsyncClient(timeout=settings.stripe_timeout_seconds) as client:
            answer = (await client.get(f"{settings.stripe_api_base}/v1/account", headers=headers)).raise_for_status()
        read = msgspec.json.decode(answer.content, type=_Account)
    except (httpx.HTTPError, msgspec.DecodeError) as error:
        message = f"Stripe did not say which account this is. Begin again shortly. {_STILL_INSTALLED}"
        raise NotConnected(message) from error
    if read.id != grant.stripe_user_id:
        raise NotConnected(f"Stripe's answers name two different accounts. {_STILL_INSTALLED}")
    currency = read.default_currency or _NO_CURRENCY
    return StripeAccount(id=read.id, name=read.shown_name, country=read.country, default_currency=currency)
