"""What every operation on Stripe can do: say that it does not fit, find what it made before, and make it."""

from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

import msgspec
import stripe

from axiru.domain.execution import ExecutionResult, StripeCall
from axiru.domain.money import money_text
from axiru.stripe_errors import code_of

T = TypeVar("T", bound=stripe.StripeObject)

NOT_FOUND: Final = 404
DEFINITE_STATUSES: Final = frozenset({400, 401, 402, 403, 404})
"""Stripe answered and did nothing (https://docs.stripe.com/api/errors). 409 and 429 did nothing yet and are retried."""


_DECIDED: Final = ("amount", "currency", "destination")
"""What a call and the object that it makes both name."""

CLOCKS_DIFFER_BY: Final = timedelta(hours=1)
"""Far more than Stripe's clock and this house's are ever apart."""


class Sent(msgspec.Struct, frozen=True):
    """A call that may have been sent, first at `since` by this house's clock."""

    decision_id: str
    call: StripeCall
    since: datetime


class StripeOperation(Protocol):
    """One operation of Stripe's API, without state. Every method may raise StripeError, which its caller judges.

    A 404 from `unfit` or `find` means that there is nothing: the call itself will then be told so.
    """

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:
        """Why the object, as Stripe shows it now, must not be acted on; None where nothing speaks against it."""

    async def find(self, client: stripe.StripeClient, sent: Sent) -> ExecutionResult | None:
        """What this very call did already. The only proof after a lost answer."""

    async def make(
        self, client: stripe.StripeClient, call: StripeCall, options: stripe.RequestOptions
    ) -> ExecutionResult:
        """Make the call with these options: its idempotency key, and the account it is for."""


class Unconditional:
    """An operation that reads nothing before: whether Stripe can do it, Stripe says when it is asked to."""

    async def unfit(self, client: stripe.StripeClient, call: StripeCall) -> ExecutionResult | None:  # noqa: ARG002
        return None


def account_of(call: StripeCall) -> stripe.RequestOptions:
    """The account a call is for, for reading there."""
    return {"stripe_account": call.stripe_account_id} if call.stripe_account_id else {}


def text_of(call: StripeCall, name: str) -> str:
    """The parameter `name`; KeyError where the sealed call has none."""
    return str(call.parameters[name])


def amount_of(call: StripeCall) -> int:
    """In the currency's smallest unit."""
    return int(str(call.parameters["amount"]))


def without(call: StripeCall, *names: str) -> dict[str, Any]:
    """The parameters of the request's body: all but those that its path names."""
    return {name: value for name, value in call.parameters.items() if name not in names}


def made_since(sent: Sent) -> dict[str, Any]:
    """The filter of a list of objects: those made since the call was first sent. Object and call have two clocks."""
    return {"created": {"gte": int((sent.since - CLOCKS_DIFFER_BY).timestamp())}}


def carries_mark(call: StripeCall, found: stripe.StripeObject) -> bool:
    """Whether an object is what the call makes: its metadata names the decision, and it moves what was decided.

    Whoever may write on the account can write metadata; the name alone would make theirs ours.
    """
    shown, marked = found.to_dict(), call.parameters["metadata"]
    metadata = shown.get("metadata") or {}
    decided = {name: call.parameters[name] for name in _DECIDED if name in call.parameters}
    named = isinstance(marked, dict) and bool(marked) and marked.items() <= metadata.items()
    return named and all(_id_or_value(shown.get(name)) == value for name, value in decided.items())


async def found_by_mark(call: StripeCall, listed: stripe.ListObject[T]) -> T | None:
    """What this call made, in a list of all that it may be among; None where it is not there."""
    async for one in listed.auto_paging_iter():
        if carries_mark(call, one):
            return one
    return None


def _id_or_value(shown: Any) -> Any:
    return shown.get("id") if isinstance(shown, dict) else shown


def refused(error: stripe.StripeError) -> ExecutionResult:
    """A failure in Stripe's own words."""
    return ExecutionResult(False, None, None, code_of(error) or "stripe_refused", error.user_message or str(error))


def unfit(code: str, message: str) -> ExecutionResult:
    """A call that is not made, and why."""
    return ExecutionResult(False, None, None, code, message)


def unfit_currency(call: StripeCall, kind: str, currency: str) -> ExecutionResult | None:
    """An object of this kind is in another currency than was decided."""
    if currency == call.currency:
        return None
    return unfit("currency_mismatch", f"This {kind} is in {currency}, the decision in {call.currency}.")


def unfit_part(call: StripeCall, kind: str, currency: str, left: int, taken: str) -> ExecutionResult | None:
    """Less is left of it than was decided, or it is in another currency; `taken` is what has become of the rest."""
    other = unfit_currency(call, kind, currency)
    if other is None and amount_of(call) > left:
        message = f"{money_text(left, currency)} of this {kind} can still be {taken}."
        return unfit("amount_exceeds_remaining", message)
    return other
