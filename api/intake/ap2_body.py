"""Bodies of payments under AP2: the amount in a currency, and the payment mandate that the agent shows for it."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from api.auth import Caller
from api.errors import FieldError
from api.intake.authorization_common import RailReader
from api.intake.authorization_currency import IN_CURRENCY, CurrencyAuthorization
from api.intake.text import Identifier
from axiru.database import rows
from axiru.domain.ap2 import Payee, Presented, ReadMandate, read_mandate
from axiru.domain.ap2_chain import TrustedIssuer
from axiru.domain.movement import Counterparty, Ovt

_FACTS: Final = "ap2_"
"""How the names of facts begin that only a mandate can state."""

_STRIPE_ACCOUNT: Final = re.compile(r"acct_[A-Za-z0-9]+\Z")

Chain = Annotated[
    str,
    Meta(
        min_length=5,
        max_length=131_072,
        pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+~[A-Za-z0-9_.~-]*$(?!\n)",
        description="SD-JWTs (RFC 9901) of a chain, with ~~ between them",
    ),
]


class Ap2Authorization(CurrencyAuthorization, frozen=True, kw_only=True):
    """`mandate` is the open payment mandate with the closed one made of it for this payment.

    The closed one was signed for `mandate_audience` and `mandate_nonce`, which are of whoever takes the payment.
    `checkout_mandate` is the chain of the checkout that the payment is for.
    """

    mandate: Chain
    mandate_audience: Identifier
    mandate_nonce: Identifier
    checkout_mandate: Chain | None = None


async def with_mandate(body: Ap2Authorization, ovt: Ovt, caller: Caller) -> Ovt:
    """The movement with what the mandate says of it; one that does not cover it is denied where it is decided."""
    found = await rows(
        "SELECT id, issuer, jwk FROM ap2_issuers WHERE organization_id = {} AND removed_at IS NULL ORDER BY id",
        caller.organization_id,
    )
    issuers = [TrustedIssuer(one["id"], one["issuer"], msgspec.json.decode(one["jwk"])) for one in found]
    shown = Presented(body.mandate, body.mandate_audience, body.mandate_nonce, body.checkout_mandate)
    told = read_mandate(shown, ovt.amount, issuers=issuers, now=datetime.now(UTC))
    counterparty = _paid(ovt.counterparty, told.payee) if told.payee is not None else ovt.counterparty
    if counterparty is None:
        message = "The closed mandate pays somebody else than is asked for."
        told = ReadMandate(replace(told.mandate, refusal="mandate_payee_mismatch", message=message))
    context = replace(ovt.context, extra={**ovt.context.extra, **_facts(told)})
    return replace(ovt, mandate=told.mandate, counterparty=counterparty or ovt.counterparty, context=context)


def _paid(asked: Counterparty, payee: Payee) -> Counterparty | None:
    """Whom the mandate pays; None where something else is asked for. An id that is an account at Stripe is paid there.

    Of any other payee a mandate does not say which account is theirs: an account that is asked for stays the caller's
    word.
    """
    account = payee.id if _STRIPE_ACCOUNT.match(payee.id) else None
    if asked.id not in {None, payee.id} or (account and asked.stripe_account_id not in {None, account}):
        return None
    return replace(asked, id=payee.id, stripe_account_id=account or asked.stripe_account_id)


def _facts(told: ReadMandate) -> dict[str, Any]:
    """For rules, as facts of the context. What was not verified states nothing."""
    payee = told.payee
    facts = {
        "ap2_issuer": told.issuer,
        "ap2_user": told.user,
        "ap2_payee": payee.id if payee else None,
        "ap2_payee_name": payee.name if payee else None,
        "ap2_payee_website": payee.website if payee else None,
    }
    return {name: fact for name, fact in facts.items() if fact}


def _errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    context = raw.get("context")
    for name in context if isinstance(context, dict) else ():
        if name.startswith(_FACTS):
            yield FieldError(f"context.{name}", "not_allowed", "Only a mandate states this.")


OF_AP2 = RailReader(Ap2Authorization, IN_CURRENCY.movement, _errors, with_mandate)
