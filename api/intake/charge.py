"""Whether Stripe has what is to be acted on. Reads only; the API makes no call that moves money."""

import asyncio
from typing import Final

import stripe
import structlog

from api.errors import FieldError, InvalidBody
from api.intake.targets import Refused, needs_answer, read_target
from api.intake.undo_lookup import object_status
from axiru.domain.execution import StripeCall
from axiru.domain.movement import Ovt
from axiru.settings import Settings
from axiru.stripe_access import StripeAccess
from axiru.vault import Vault
from ledger.acts.connection import revoking_with

_LOOK_UP_SECONDS: Final = 3.0
_log = structlog.get_logger("api")


class StripeSilent(Exception):
    """Stripe alone knows what the call would be, and does not answer."""


class PaymentLookup:
    """Looks up what movements act on, with the token of their connection."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._access = StripeAccess(settings, vault, revoking_with(vault), timeout_seconds=_LOOK_UP_SECONDS)

    async def close(self) -> None:
        await self._access.close()

    async def with_target(self, connection_id: str, ovt: Ovt) -> Ovt:
        """`ovt` with what its call needs to know of its target.

        As it is where Stripe does not answer and the call can be built without: executing will find out, safely.
        Raises InvalidBody where there is nothing to act on, and StripeSilent.
        """
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                opened = await self._access.account_of(connection_id)
                if opened is None:
                    message = "There is no such active connection."
                    raise InvalidBody([FieldError("intent.stripe_connection_id", "unknown_connection", message)])
                client, account = opened
                return await read_target(client, ovt, {"stripe_account": ovt.merchant.stripe_account_id or account})
        except Refused as refused:
            raise InvalidBody([refused.error]) from refused
        except (stripe.StripeError, TimeoutError) as error:
            _log.warning("target_not_looked_up", connection_id=connection_id, error=type(error).__name__)
            if needs_answer(ovt):
                raise StripeSilent from error
            return ovt

    async def status_of(self, call: StripeCall, object_id: str) -> str | None:
        """What Stripe says now of what a call made; None where it does not answer, or the object has no states."""
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                opened = await self._access.account_of(call.stripe_connection_id)
                return await object_status(opened[0], call, object_id) if opened else None
        except (stripe.StripeError, TimeoutError) as error:
            _log.warning("object_not_looked_up", object_id=object_id, error=type(error).__name__)
            return None
