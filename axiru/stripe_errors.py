"""What an error of Stripe says. The library fills `code` for some kinds of errors only; the body always has it."""

from typing import Any

import stripe


def code_of(error: stripe.StripeError) -> str | None:
    """Stripe's code (https://docs.stripe.com/error-codes); None where it gave none."""
    if error.code:
        return error.code
    body: Any = error.json_body
    said = body.get("error") if isinstance(body, dict) else None
    code = said.get("code") if isinstance(said, dict) else None
    return code if isinstance(code, str) else None
