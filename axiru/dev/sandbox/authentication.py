"""Who calls: a test key or an app's access token, as Bearer or Basic. https://docs.stripe.com/api/authentication"""

import base64
import binascii
from collections.abc import Mapping

from axiru.dev.sandbox.installations import Installations, is_live
from axiru.dev.sandbox.refusals import StripeRefusal
from axiru.dev.sandbox.store import Store

TEST_KEY_PREFIXES = ("sk_test_", "rk_test_")
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Stripe"'}


def authenticate(
    headers: Mapping[str, str],
    *,
    default_account: str,
    installations: Installations | None = None,
    store: Store | None = None,
) -> str:
    """The account a request acts on: the one `Stripe-Account` names, or the key's own.

    An access token opens its account and those connected to it; every other test key opens every test account, and is
    the sandbox's own account's. Raises StripeRefusal: 401 for a missing, malformed, expired or live key, 403 for an
    account that the key does not open.
    """
    key = presented_key(headers.get("authorization", ""))
    if key is None:
        raise StripeRefusal(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
            "https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
            status=401,
            headers=_CHALLENGE,
        )
    issued = installations.issued(key) if installations is not None else None
    named = headers.get("stripe-account")
    if issued is not None:
        if issued.is_revoked:
            raise _no_access(key, named or issued.account)
        if issued.is_expired:
            raise StripeRefusal(
                f"Expired API Key provided: {_redacted(key)}", status=401, code="api_key_expired", headers=_CHALLENGE
            )
        if named is None or named == issued.account:
            return issued.account
        if store is None or not _is_connected(store, named, platform=issued.account):
            raise _no_access(key, named)
        return named
    if not key.startswith(TEST_KEY_PREFIXES):
        raise StripeRefusal(f"Invalid API Key provided: {_redacted(key)}", status=401, headers=_CHALLENGE)
    account = default_account if named is None else named
    if not account.startswith("acct_") or is_live(account):
        raise _no_access(key, account)
    return account


def presented_key(authorization: str) -> str | None:
    """The key of an Authorization header; None where there is none."""
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


def _is_connected(store: Store, account: str, *, platform: str) -> bool:
    row = store.connection.execute(
        "SELECT 1 FROM objects WHERE account = ? AND object = 'account' AND id = ?", (platform, account)
    ).fetchone()
    return row is not None


def _no_access(key: str, account: str) -> StripeRefusal:
    return StripeRefusal(
        f"The provided key '{_redacted(key)}' does not have access to account '{account}' (or that account does "
        "not exist). Application access may have been revoked.",
        status=403,
        code="account_invalid",
    )


def _redacted(key: str) -> str:
    return f"{key[:8]}{'*' * max(len(key) - 12, 4)}{key[-4:]}"
