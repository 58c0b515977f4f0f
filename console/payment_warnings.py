"""What Stripe says against an approval that somebody may still decide."""

from axiru.domain import payment_warnings as words
from console.approval_views import ApprovalView


def payment_warnings(approval: ApprovalView | None) -> tuple[str, ...]:
    """One sentence for each; none once the approval is closed, when nobody can heed them any more."""
    if approval is None or approval.state != "pending":
        return ()
    asked = approval.diff.asked
    return words.payment_warnings(
        approval.payment,
        action=asked.action,
        amount_cents=asked.amount.minor_units,
        currency=asked.amount.asset,
        customer_id=asked.customer_id,
    )
