"""Who has the Stripe App installed, and the tokens it holds for them.

https://docs.stripe.com/stripe-apps/api-authentication/oauth: a code is good once and for five minutes, an access token
for an hour, a refresh token for a year and until it is exchanged. Test and live are apart: an account whose id begins
with `acct_live_` is a live one, every other is a test account.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Final

import msgspec

from axiru.dev.sandbox.answers import Answer, Document, new_id
from axiru.dev.sandbox.store import Store

APP_NAME: Final = "Axiru"
CLIENT_ID_TEST: Final = "ca_axiru_test"
CLIENT_ID_LIVE: Final = "ca_axiru_live"
APP_KEY_TEST: Final = "sk_test_axiru_app"
APP_KEY_LIVE: Final = "sk_live_axiru_app"
LIVE_ACCOUNTS: Final = "acct_live_"

CODE_SECONDS: Final = 5 * 60
ACCESS_TOKEN_SECONDS: Final = 60 * 60
REFRESH_TOKEN_SECONDS: Final = 365 * 24 * 60 * 60

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS oauth_codes (
    code TEXT PRIMARY KEY, account TEXT NOT NULL, challenge TEXT, issued_at INTEGER NOT NULL, used INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS oauth_tokens (
    access_token TEXT PRIMARY KEY, refresh_token TEXT NOT NULL UNIQUE, account TEXT NOT NULL,
    issued_at INTEGER NOT NULL, rolled INTEGER NOT NULL, revoked INTEGER NOT NULL
) STRICT;
"""


def is_live(account: str) -> bool:
    return account.startswith(LIVE_ACCOUNTS)


class OAuthRefusal(Exception):
    """A refusal in OAuth's form (RFC 6749 §5.2)."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status

    def answer(self) -> Answer:
        body = {"error": self.error, "error_description": self.description}
        return Answer(status=self.status, body=msgspec.json.encode(body))


class IssuedToken(msgspec.Struct, frozen=True):
    """What an access token opens, and whether it still does."""

    account: str
    is_expired: bool
    is_revoked: bool


class Installations:
    """Codes and tokens, in the sandbox's state file. Every change is committed before it is answered."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        store.connection.executescript(_SCHEMA)

    def issue_code(self, account: str, *, challenge: str | None) -> str:
        """A code for an account whose owner has just agreed; `challenge` is RFC 7636's, by S256."""
        code = new_id("ac")
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT INTO oauth_codes VALUES (?, ?, ?, ?, 0)", (code, account, challenge, self._now())
            )
        return code

    def exchange_code(self, code: str, *, verifier: str | None, livemode: bool) -> Document:
        """Tokens for a code. Raises OAuthRefusal; a code that was shown once is used up, right or wrong."""
        row = self._store.connection.execute(
            "SELECT account, challenge, issued_at, used FROM oauth_codes WHERE code = ?", (code,)
        ).fetchone()
        if row is None:
            raise OAuthRefusal("invalid_grant", f"Authorization code does not exist: {code}")
        account, challenge, issued_at, used = row
        if used:
            raise OAuthRefusal("invalid_grant", f"This authorization code has already been used: {code}")
        with self._store.transaction() as connection:
            connection.execute("UPDATE oauth_codes SET used = 1 WHERE code = ?", (code,))
        if issued_at + CODE_SECONDS < self._now():
            raise OAuthRefusal("invalid_grant", f"Authorization code expired: {code}")
        _check_mode(account, livemode)
        if challenge is not None and not _proves(challenge, verifier):
            raise OAuthRefusal("invalid_grant", "The code verifier does not match the code challenge.")
        return self._issue(account)

    def refresh(self, refresh_token: str, *, livemode: bool) -> Document:
        """The next tokens; this refresh token ends. Raises OAuthRefusal."""
        row = self._store.connection.execute(
            "SELECT account, issued_at, rolled, revoked FROM oauth_tokens WHERE refresh_token = ?", (refresh_token,)
        ).fetchone()
        if row is None:
            raise OAuthRefusal("invalid_grant", "Refresh token does not exist.")
        account, issued_at, rolled, revoked = row
        if rolled or revoked or issued_at + REFRESH_TOKEN_SECONDS < self._now():
            raise OAuthRefusal("invalid_grant", "This refresh token has expired or was revoked.")
        _check_mode(account, livemode)
        with self._store.transaction() as connection:
            connection.execute("UPDATE oauth_tokens SET rolled = 1 WHERE refresh_token = ?", (refresh_token,))
        return self._issue(account)

    def uninstall(self, account: str) -> bool:
        """End every token for an account; whether there was one that had not ended."""
        with self._store.transaction() as connection:
            ended = connection.execute(
                "UPDATE oauth_tokens SET revoked = 1 WHERE account = ? AND revoked = 0", (account,)
            )
            connection.execute("UPDATE oauth_codes SET used = 1 WHERE account = ?", (account,))
        return ended.rowcount > 0

    def issued(self, access_token: str) -> IssuedToken | None:
        """What is known of an access token; None for a key that is not one."""
        row = self._store.connection.execute(
            "SELECT account, issued_at, revoked FROM oauth_tokens WHERE access_token = ?", (access_token,)
        ).fetchone()
        if row is None:
            return None
        return IssuedToken(row[0], row[1] + ACCESS_TOKEN_SECONDS < self._now(), bool(row[2]))

    def _issue(self, account: str) -> Document:
        mode = "live" if is_live(account) else "test"
        answer: dict[str, Any] = {
            "access_token": new_id(f"rk_{mode}"),
            "livemode": is_live(account),
            "refresh_token": new_id("rt"),
            "scope": "stripe_apps",
            "stripe_publishable_key": new_id(f"pk_{mode}"),
            "stripe_user_id": account,
            "token_type": "bearer",
        }
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT INTO oauth_tokens VALUES (?, ?, ?, ?, 0, 0)",
                (answer["access_token"], answer["refresh_token"], account, self._now()),
            )
        return answer


def _check_mode(account: str, livemode: bool) -> None:
    if is_live(account) != livemode:
        raise OAuthRefusal("invalid_grant", "This was issued in the other mode: use the key of its mode.")


def _proves(challenge: str, verifier: str | None) -> bool:
    """RFC 7636 §4.6, S256."""
    if verifier is None:
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"="), challenge.encode())
