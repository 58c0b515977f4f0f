"""Who calls: a test key, as Bearer or Basic. https://docs.stripe.com/api/authentication"""

import base64
import binascii
from collections.abc import Mapping

from axiru.dev.sandbox.refusals import StripeRefusal

TEST_KEY_PREFIXES = ("sk_test_", "rk_test_")
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Stripe"'}


def authenticate(headers: Mapping[str, str], *, default_account: str) -> str:
    """The account a request acts on: the one `Stripe-Account` names, or the sandbox's own.

    Every test key opens every account. Raises StripeRefusal: 401 for a missing, malformed or live key, 403 for a
    `Stripe-Account` that is no account id.
    """
    key = _key(headers.get("authorization", ""))
    if key is None:
        raise StripeRefusal(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
            "https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
            status=401,
            headers=_CHALLENGE,
        )
    if not key.startswith(TEST_KEY_PREFIXES):
        raise StripeRefusal(f"Invalid API Key provided: {_redacted(key)}", status=401, headers=_CHALLENGE)
    account = headers.get("stripe-account", default_account)
    if not account.startswith("acct_"):
        raise StripeRefusal(
            f"The provided key '{_redacted(key)}' does not have access to account '{account}' (or that account does "
            "not exist). Application access may have been revoked.",
            status=403,
            code="account_invalid",
        )
    return account


def _key(authorization: str) -> str | None:
    scheme, _, credentials = authorization.strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip() or None
        case "basic":
            try:
                return base64.b64decode(credentials, validate=True).decode().partition(":")[0] or None
            except (binascii.Error, UnicodeDecodeError):
                return None
        case _:
            return None


def _redacted(key: str) -> str:
    return f"{key[:8]}{'*' * max(len(key) - 12, 4)}{key[-4:]}"
