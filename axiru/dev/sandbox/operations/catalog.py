"""Which operation answers which request."""

import re

import msgspec

from axiru.dev.sandbox.approvals import CancelApproval, ListApprovals, RetrieveApproval
from axiru.dev.sandbox.operations.accounts import ListAccounts, RetrieveAccount, UpdateAccount
from axiru.dev.sandbox.operations.application_fees import (
    CreateFeeRefund,
    ListApplicationFees,
    ListFeeRefunds,
    RetrieveApplicationFee,
    RetrieveFeeRefund,
    UpdateFeeRefund,
)
from axiru.dev.sandbox.operations.balance import ListBalanceTransactions, RetrieveBalance, RetrieveBalanceTransaction
from axiru.dev.sandbox.operations.balance_settings import RetrieveBalanceSettings, UpdateBalanceSettings
from axiru.dev.sandbox.operations.charges import CreateCharge, ListCharges, RetrieveCharge
from axiru.dev.sandbox.operations.customers import CreateCustomer, RetrieveCustomer
from axiru.dev.sandbox.operations.disputes import CloseDispute, ListDisputes, RetrieveDispute, UpdateDispute
from axiru.dev.sandbox.operations.events import ListEvents, RetrieveEvent
from axiru.dev.sandbox.operations.operation import Operation
from axiru.dev.sandbox.operations.payment_intent_creation import CreatePaymentIntent
from axiru.dev.sandbox.operations.payment_intents import RetrievePaymentIntent
from axiru.dev.sandbox.operations.payouts import (
    CancelPayout,
    CreatePayout,
    ListPayouts,
    RetrievePayout,
    ReversePayout,
    UpdatePayout,
)
from axiru.dev.sandbox.operations.refunds import CancelRefund, CreateRefund, ListRefunds, RetrieveRefund, UpdateRefund
from axiru.dev.sandbox.operations.transfer_reversals import (
    CreateTransferReversal,
    ListTransferReversals,
    RetrieveTransferReversal,
    UpdateTransferReversal,
)
from axiru.dev.sandbox.operations.transfers import CreateTransfer, ListTransfers, RetrieveTransfer, UpdateTransfer
from axiru.dev.sandbox.refusals import ParameterRefused

CATALOG: dict[tuple[str, str], type[Operation]] = {
    ("GET", "/v1/account"): RetrieveAccount,
    ("GET", "/v1/accounts"): ListAccounts,
    ("GET", "/v1/accounts/{id}"): RetrieveAccount,
    ("POST", "/v1/accounts/{id}"): UpdateAccount,
    ("GET", "/v1/application_fees"): ListApplicationFees,
    ("GET", "/v1/application_fees/{id}"): RetrieveApplicationFee,
    ("GET", "/v1/application_fees/{id}/refunds"): ListFeeRefunds,
    ("POST", "/v1/application_fees/{id}/refunds"): CreateFeeRefund,
    ("GET", "/v1/application_fees/{id}/refunds/{id}"): RetrieveFeeRefund,
    ("POST", "/v1/application_fees/{id}/refunds/{id}"): UpdateFeeRefund,
    ("GET", "/v1/balance"): RetrieveBalance,
    ("GET", "/v1/balance_settings"): RetrieveBalanceSettings,
    ("POST", "/v1/balance_settings"): UpdateBalanceSettings,
    ("GET", "/v1/balance_transactions"): ListBalanceTransactions,
    ("GET", "/v1/balance_transactions/{id}"): RetrieveBalanceTransaction,
    ("GET", "/v1/charges"): ListCharges,
    ("POST", "/v1/charges"): CreateCharge,
    ("GET", "/v1/charges/{id}"): RetrieveCharge,
    ("POST", "/v1/customers"): CreateCustomer,
    ("GET", "/v1/customers/{id}"): RetrieveCustomer,
    ("GET", "/v1/disputes"): ListDisputes,
    ("GET", "/v1/disputes/{id}"): RetrieveDispute,
    ("POST", "/v1/disputes/{id}"): UpdateDispute,
    ("POST", "/v1/disputes/{id}/close"): CloseDispute,
    ("GET", "/v1/events"): ListEvents,
    ("GET", "/v1/events/{id}"): RetrieveEvent,
    ("POST", "/v1/payment_intents"): CreatePaymentIntent,
    ("GET", "/v1/payment_intents/{id}"): RetrievePaymentIntent,
    ("GET", "/v1/payouts"): ListPayouts,
    ("POST", "/v1/payouts"): CreatePayout,
    ("GET", "/v1/payouts/{id}"): RetrievePayout,
    ("POST", "/v1/payouts/{id}"): UpdatePayout,
    ("POST", "/v1/payouts/{id}/cancel"): CancelPayout,
    ("POST", "/v1/payouts/{id}/reverse"): ReversePayout,
    ("GET", "/v1/refunds"): ListRefunds,
    ("POST", "/v1/refunds"): CreateRefund,
    ("GET", "/v1/refunds/{id}"): RetrieveRefund,
    ("POST", "/v1/refunds/{id}"): UpdateRefund,
    ("POST", "/v1/refunds/{id}/cancel"): CancelRefund,
    ("GET", "/v1/transfers"): ListTransfers,
    ("POST", "/v1/transfers"): CreateTransfer,
    ("GET", "/v1/transfers/{id}"): RetrieveTransfer,
    ("POST", "/v1/transfers/{id}"): UpdateTransfer,
    ("GET", "/v1/transfers/{id}/reversals"): ListTransferReversals,
    ("POST", "/v1/transfers/{id}/reversals"): CreateTransferReversal,
    ("GET", "/v1/transfers/{id}/reversals/{id}"): RetrieveTransferReversal,
    ("POST", "/v1/transfers/{id}/reversals/{id}"): UpdateTransferReversal,
}

PREVIEW_CATALOG: dict[tuple[str, str], type[Operation]] = {
    ("GET", "/v2/core/approval_requests"): ListApprovals,
    ("GET", "/v2/core/approval_requests/{id}"): RetrieveApproval,
    ("POST", "/v2/core/approval_requests/{id}/cancel"): CancelApproval,
}
"""What only Stripe's preview versions have, and its published description does not."""

_PATTERNS = [
    (method, re.compile(path.replace("{id}", "([^/]+)")), operation)
    for (method, path), operation in (CATALOG | PREVIEW_CATALOG).items()
]


class Found(msgspec.Struct, frozen=True):
    """An operation and the ids that its path names: the last one (empty for lists and creations), and the first."""

    operation: type[Operation]
    object_id: str
    parent_id: str


def find_operation(method: str, path: str) -> Found:
    """Raises ParameterRefused 404 for a request that the sandbox does not know."""
    for known_method, pattern, operation in _PATTERNS:
        match = pattern.fullmatch(path)
        if match is not None and known_method == method:
            ids = match.groups() or ("",)
            return Found(operation, object_id=ids[-1], parent_id=ids[0])
    raise ParameterRefused(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
        status=404,
    )
