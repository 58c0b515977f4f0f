"""What Stripe says of a payment that speaks against a request, in sentences: the same at every door. Pure."""

from axiru.domain.approval_sheet import ApprovalSheet, PaymentContext
from axiru.domain.money import money_text


def payment_warnings(
    payment: PaymentContext | None, *, action: str, amount_cents: int, currency: str, customer_id: str | None
) -> tuple[str, ...]:
    """One sentence for each; none where Stripe has not been asked.

    A refund alone comes out of what is left of the payment, in its currency.
    """
    if payment is None:
        return ()
    over = amount_cents - payment.remaining_cents
    found = []
    refund = action == "refund"
    if refund and currency != payment.currency:
        found.append(f"Asked for in {currency.upper()}, paid in {payment.currency.upper()}.")
    elif refund and over > 0:
        amount, code = money_text(over, currency), currency.upper()
        # `$` alone names many currencies.
        amount = amount if amount.startswith(code) else f"{amount} {code}"
        found.append(f"{amount} more than is left: approved, it is stopped before the call.")
    if payment.disputed and action != "dispute":
        found.append("The customer disputes this payment at their bank.")
    if payment.customer_id and customer_id and payment.customer_id != customer_id:
        found.append(f"On Stripe this payment belongs to {payment.customer_id}, not to {customer_id}.")
    return tuple(found)


def warnings_of(sheet: ApprovalSheet) -> tuple[str, ...]:
    """What Stripe says against a request that somebody may still decide; none once it is closed."""
    if sheet.state != "pending":
        return ()
    return payment_warnings(
        sheet.payment,
        action=sheet.action,
        amount_cents=sheet.amount.minor_units,
        currency=sheet.currency,
        customer_id=sheet.customer_id,
    )
