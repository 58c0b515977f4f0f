"""Bodies of rails that move a currency: `amount_cents` and `currency`, as decisions say them."""

from typing import Any

from api.auth import Caller
from api.intake.authorization_common import AuthorizationBody, RailReader, movement_of
from api.intake.text import AmountCents, Currency
from axiru.domain.currency import exponent_of
from axiru.domain.movement import Amount, Ovt


class CurrencyAuthorization(AuthorizationBody, frozen=True, kw_only=True):
    """A request for one authorization of an amount in a currency."""

    amount_cents: AmountCents
    currency: Currency


def _movement(body: CurrencyAuthorization, extra: dict[str, Any], caller: Caller) -> Ovt:
    asset = body.currency.lower()
    return movement_of(body, Amount(str(body.amount_cents), asset, exponent_of(asset)), extra, caller)


IN_CURRENCY = RailReader(CurrencyAuthorization, _movement)
