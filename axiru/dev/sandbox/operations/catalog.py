"""Which operation answers which request."""

import re

import msgspec

from axiru.dev.sandbox.operations.accounts import RetrieveAccount
from axiru.dev.sandbox.operations.charges import CreateCharge, ListCharges, RetrieveCharge
from axiru.dev.sandbox.operations.customers import CreateCustomer, RetrieveCustomer
from axiru.dev.sandbox.operations.events import ListEvents, RetrieveEvent
from axiru.dev.sandbox.operations.operation import Operation
from axiru.dev.sandbox.operations.payment_intents import RetrievePaymentIntent
from axiru.dev.sandbox.operations.refunds import CancelRefund, CreateRefund, ListRefunds, RetrieveRefund, UpdateRefund
from axiru.dev.sandbox.refusals import ParameterRefused

CATALOG: dict[tuple[str, str], type[Operation]] = {
    ("GET", "/v1/account"): RetrieveAccount,
    ("GET", "/v1/charges"): ListCharges,
    ("POST", "/v1/charges"): CreateCharge,
    ("GET", "/v1/charges/{id}"): RetrieveCharge,
    ("POST", "/v1/customers"): CreateCustomer,
    ("GET", "/v1/customers/{id}"): RetrieveCustomer,
    ("GET", "/v1/events"): ListEvents,
    ("GET", "/v1/events/{id}"): RetrieveEvent,
    ("GET", "/v1/payment_intents/{id}"): RetrievePaymentIntent,
    ("GET", "/v1/refunds"): ListRefunds,
    ("POST", "/v1/refunds"): CreateRefund,
    ("GET", "/v1/refunds/{id}"): RetrieveRefund,
    ("POST", "/v1/refunds/{id}"): UpdateRefund,
    ("POST", "/v1/refunds/{id}/cancel"): CancelRefund,
}

_PATTERNS = [
    (method, re.compile(path.replace("{id}", "([^/]+)")), operation) for (method, path), operation in CATALOG.items()
]


class Found(msgspec.Struct, frozen=True):
    """An operation and the id that its path names (empty for lists and creations)."""

    operation: type[Operation]
    object_id: str


def find_operation(method: str, path: str) -> Found:
    """Raises ParameterRefused 404 for a request that the sandbox does not know."""
    for known_method, pattern, operation in _PATTERNS:
        match = pattern.fullmatch(path)
        if match is not None and known_method == method:
            return Found(operation, match[1] if match.groups() else "")
    raise ParameterRefused(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
        status=404,
    )
