"""What Stripe says of a payment that speaks against the refund of it, in sentences."""

from console.approval_views import ApprovalView
from console.components.money import money_text


def payment_warnings(approval: ApprovalView | None) -> tuple[str, ...]:
    """One sentence for each; none once the approval is closed, when nobody can heed them any more."""
    if approval is None or approval.payment is None or approval.state != "pending":
        return ()
    told, asked = approval.payment, approval.diff.asked
    over = asked.amount_cents - told.remaining_cents
    found = []
    if asked.currency != told.currency:
        found.append(f"Asked for in {asked.currency.upper()}, paid in {told.currency.upper()}.")
    elif over > 0:
        found.append(f"{money_text(over, told.currency)} more than is left: approved, it is stopped before the call.")
    if told.disputed:
        found.append("The customer disputes this payment at their bank.")
    if told.customer_id and asked.customer_id and told.customer_id != asked.customer_id:
        found.append(f"On Stripe this payment belongs to {told.customer_id}, not to {asked.customer_id}.")
    return tuple(found)
