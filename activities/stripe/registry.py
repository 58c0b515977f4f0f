"""Which operation makes which call."""

from typing import Final

from activities.stripe.application_fees import RefundApplicationFee
from activities.stripe.disputes import CloseDispute, SubmitEvidence
from activities.stripe.operation import StripeOperation
from activities.stripe.payouts import CancelPayout, CreatePayout, ReversePayout
from activities.stripe.refunds import CancelRefund, CreateRefund
from activities.stripe.transfers import CreateTransfer, ReverseTransfer
from axiru.domain.execution import Operation

OPERATIONS: Final[dict[Operation, StripeOperation]] = {
    "refunds.create": CreateRefund(),
    "refunds.cancel": CancelRefund(),
    "payouts.create": CreatePayout(),
    "payouts.cancel": CancelPayout(),
    "payouts.reverse": ReversePayout(),
    "transfers.create": CreateTransfer(),
    "transfers.reverse": ReverseTransfer(),
    "application_fees.refund": RefundApplicationFee(),
    "disputes.submit_evidence": SubmitEvidence(),
    "disputes.close": CloseDispute(),
}
"""Every operation that Axiru makes."""
