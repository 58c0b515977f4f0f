"""The constraints of an open payment mandate (AP2 v0.2, `open_payment_mandate.json`), against the payment to be made.

Whatever is not known here, or cannot be told, counts as broken: an agent gains nothing by a constraint nobody checks.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple, get_args

from axiru.domain.ap2_names import INSTRUMENT, MERCHANT, PISP, check_known
from axiru.domain.currency import exponent_of
from axiru.domain.mandate import Broken, Frequency

Json = Mapping[str, Any]

_MEMBER_UNKNOWN: Final = "constraint_member_unknown"
_SIGNED_BEFORE: Final = timedelta(seconds=600)
"""How long before it is shown a payment may have been dated: the agent's signature is no older either."""

_MOST_COUNTED: Final = 1_000_000_000
"""As many payments as anybody counts: a number beyond it says nothing more, and may be longer than JSON's numbers."""


class Bounds(NamedTuple):
    """What is left to be counted: None is no bound. Without a recurrence a mandate is for one payment."""

    most_units: int | None = None
    most_uses: int | None = 1
    every: Frequency = "ON_DEMAND"
    not_after: datetime | None = None


def bounds_of(constraints: Any, payment: Json, *, checkout: str | None, now: datetime) -> Bounds:
    """What is left to be counted where every constraint holds for `payment`, the closed mandate's content.

    `checkout` is the hash of the open checkout mandate that was shown with it. Raises Broken.
    """
    if not isinstance(constraints, list) or not all(isinstance(one, dict) for one in constraints):
        raise unreadable("The constraints are a list of objects.")
    bounds, types = Bounds(), [one.get("type") for one in constraints]
    for constraint, kind in zip(constraints, types, strict=True):
        known = _CONSTRAINTS.get(kind) if isinstance(kind, str) else None
        if known is None:
            raise Broken("constraint_unknown", "The mandate has a constraint of a type that is not known here.")
        check_known(constraint, known.names | {"type"}, f"The constraint {kind}", _MEMBER_UNKNOWN)
        bounds = known.check(constraint, payment, bounds, _At(checkout, now))
    if "payment.reference" not in types:
        raise Broken("reference_missing", "A payment mandate refers to the checkout it is for.")
    if "payment.agent_recurrence" in types and not {"payment.amount_range", "payment.budget"} <= set(types):
        raise Broken("recurrence_unbounded", "A mandate for more than one payment bounds each of them and all.")
    return bounds


class _At(NamedTuple):
    checkout: str | None
    now: datetime


def unreadable(message: str) -> Broken:
    return Broken("constraint_unreadable", message)


def _recurrence(said: Json, _: Json, bounds: Bounds, __: _At) -> Bounds:
    most = said.get("max_occurrences")
    frequency: Frequency | None = next((one for one in get_args(Frequency) if one == said.get("frequency")), None)
    if frequency is None or (most is not None and not _is_count(most)):
        raise unreadable("A recurrence has a frequency and, if anything, a number of times.")
    if bounds.every != "ON_DEMAND" or bounds.most_uses != 1:
        raise unreadable("The mandate says twice how often it may be used.")
    return bounds._replace(most_uses=None if most is None else min(most, _MOST_COUNTED), every=frequency)


def _payees(said: Json, payment: Json, bounds: Bounds, _: _At) -> Bounds:
    fitting = [one for one in _allowed(said) if same_merchant(one, payment["payee"])]
    if not fitting:
        raise Broken("payee_not_allowed", "The mandate does not allow this payee.")
    _check_one_is_plain(fitting, MERCHANT, "What allows the payee")
    return bounds


def _instruments(said: Json, payment: Json, bounds: Bounds, _: _At) -> Bounds:
    paid_with = payment["payment_instrument"]
    fitting = [one for one in _allowed(said) if _same(one, paid_with, {"id", "type"})]
    if not fitting:
        raise Broken("instrument_not_allowed", "The mandate does not allow this payment instrument.")
    _check_one_is_plain(fitting, INSTRUMENT, "What allows the payment instrument")
    return bounds


def _pisps(said: Json, payment: Json, bounds: Bounds, _: _At) -> Bounds:
    pisp = payment.get("pisp")
    fitting = [one for one in _allowed(said) if isinstance(pisp, dict) and _same(one, pisp, PISP)]
    if not fitting:
        raise Broken("pisp_not_allowed", "The mandate does not allow this payment initiation service provider.")
    _check_one_is_plain(fitting, PISP, "What allows the payment initiation service provider")
    return bounds


def _range(said: Json, payment: Json, bounds: Bounds, _: _At) -> Bounds:
    least, most = said.get("min", 0), said.get("max")
    if not _is_count(least) or not _is_count(most):
        raise unreadable("A range has whole minor units as its bounds.")
    amount = payment["payment_amount"]
    if amount["currency"] != _text(said, "currency"):
        raise Broken("currency_not_allowed", "The mandate is in another currency.")
    if not least <= amount["amount"] <= most:
        raise Broken("amount_out_of_range", "The amount is not within the mandate's range.")
    return bounds


def _budget(said: Json, payment: Json, bounds: Bounds, _: _At) -> Bounds:
    """`max` counts major units, as AP2's own samples do: a whole or a decimal number of the currency."""
    most, currency = said.get("max"), _text(said, "currency")
    if isinstance(most, bool) or not isinstance(most, int | Decimal) or not 0 <= most < Decimal(10) ** 30:
        raise unreadable("A budget has an amount.")
    if payment["payment_amount"]["currency"] != currency:
        raise Broken("currency_not_allowed", "The mandate's budget is in another currency.")
    units = int(Decimal(most).scaleb(exponent_of(currency.lower())))
    return bounds._replace(most_units=units if bounds.most_units is None else min(units, bounds.most_units))


def _date(said: Json, payment: Json, bounds: Bounds, at: _At) -> Bounds:
    """A payment that says no date is made now, and is bound to be."""
    stated = payment.get("execution_date")
    first, last = _span(stated) if stated is not None else (at.now, at.now)
    if last < at.now - _SIGNED_BEFORE:
        raise Broken("execution_date_past", "The payment is dated back: it cannot be made on that date any more.")
    if "not_before" in said and first < _span(said["not_before"])[0]:
        raise Broken("too_early", "The mandate does not allow the payment yet.")
    if "not_after" not in said:
        return bounds
    not_after = _span(said["not_after"])[1]
    if last > not_after:
        raise Broken("too_late", "The mandate does not allow the payment any more.")
    if stated is not None:
        return bounds
    return bounds._replace(not_after=min(not_after, bounds.not_after or not_after))


def _reference(said: Json, _: Json, bounds: Bounds, at: _At) -> Bounds:
    wanted = _text(said, "conditional_transaction_id")
    if at.checkout is None:
        raise Broken("checkout_missing", "The mandate is for a checkout, whose mandate was not shown.")
    if at.checkout != wanted:
        raise Broken("checkout_not_allowed", "The mandate is for another checkout.")
    return bounds


class _Known(NamedTuple):
    """A type of constraint: what it says beside its type, and how that is checked."""

    names: frozenset[str]
    check: Callable[[Json, Json, Bounds, _At], Bounds]


_ALLOWED: Final = frozenset({"allowed"})
_CONSTRAINTS: Final[Mapping[str, _Known]] = {
    "payment.agent_recurrence": _Known(frozenset({"frequency", "max_occurrences"}), _recurrence),
    "payment.allowed_payees": _Known(_ALLOWED, _payees),
    "payment.allowed_payment_instruments": _Known(_ALLOWED, _instruments),
    "payment.allowed_pisps": _Known(_ALLOWED, _pisps),
    "payment.amount_range": _Known(frozenset({"currency", "max", "min"}), _range),
    "payment.budget": _Known(frozenset({"max", "currency"}), _budget),
    "payment.execution_date": _Known(frozenset({"not_before", "not_after"}), _date),
    "payment.reference": _Known(frozenset({"conditional_transaction_id"}), _reference),
}


def _check_one_is_plain(fitting: Sequence[Json], known: frozenset[str], what: str) -> None:
    """An entry that says more of itself may allow less: one is enough that does not. Raises Broken."""
    if not any(one.keys() <= known for one in fitting):
        check_known(fitting[0], known, what, _MEMBER_UNKNOWN)


def same_merchant(allowed: Any, payee: Json) -> bool:
    """By id, or by name and website where one has no id; and nothing that both say may differ."""
    if not isinstance(allowed, dict):
        return False
    shared = {name for name in ("id", "name", "website") if allowed.get(name) and payee.get(name)}
    return ("id" in shared or {"name", "website"} <= shared) and all(allowed[one] == payee[one] for one in shared)


def _same(allowed: Any, other: Json, parts: Set[str]) -> bool:
    return isinstance(allowed, dict) and all(
        isinstance(allowed.get(part), str) and allowed[part] == other.get(part) for part in parts
    )


def _allowed(said: Json) -> list[Any]:
    """What is disclosed of the list; the rest is allowed to nobody here."""
    allowed = said.get("allowed")
    if not isinstance(allowed, list):
        raise unreadable("What is allowed is a list.")
    return [one for one in allowed if not (isinstance(one, dict) and "..." in one)]


def _text(said: Json, name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise unreadable(f"A constraint is without its {name}.")
    return value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _span(value: Any) -> tuple[datetime, datetime]:
    """The first and last moment of an ISO 8601 date, of UTC, or of a time with its zone."""
    if isinstance(value, str):
        try:
            if len(value) == len("2026-01-31"):
                start = datetime.combine(date.fromisoformat(value), time(), UTC)
                return start, start + timedelta(days=1) - timedelta(microseconds=1)
            moment = datetime.fromisoformat(value)
        except (ValueError, OverflowError) as error:
            raise unreadable("A date is not ISO 8601.") from error
        if moment.tzinfo is not None:
            return moment, moment
    raise unreadable("A date is not ISO 8601 with its zone.")
