"""Installations under way: who began one, in which browser it goes on, and that each step is taken once.

A ticket is a secret link for the one who began. Opened, it gives a browser a cookie and Stripe a state; only both
together, in time and once, finish the installation. Of all three only SHA-256s are kept.
"""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final, Literal

import msgspec

from axiru.database import row, rows
from axiru.domain import base64url
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from axiru.ids import hash_secret, new_install_secret
from axiru.vault import Vault, sealed_for

MINUTES: Final = 10
_KEPT_DAYS: Final = 1

Obstacle = Literal["unknown", "expired", "used", "other_browser"]


class InstallRefused(AxiruError):
    """This ticket or state does not go on; `state` says why. Nothing was changed."""

    code = "conflict"

    def __init__(self, state: Obstacle, message: str) -> None:
        super().__init__(message, state=state)
        self.state: Obstacle = state


class Ticket(msgspec.Struct, frozen=True):
    """What whoever began opens in their browser, before `expires_at` and once."""

    ticket: str
    expires_at: datetime


class Begun(msgspec.Struct, frozen=True):
    """Who began an installation, and for whom."""

    organization_id: str
    organization_name: str
    member_id: str
    member_name: str
    mode: Mode


class Opened(msgspec.Struct, frozen=True):
    """For Stripe: `state`, and `challenge` where PKCE is used. For the browser: `browser`, its cookie."""

    mode: Mode
    state: str
    browser: str
    challenge: str | None


class Finishing(msgspec.Struct, frozen=True):
    """An installation whose callback has come to the browser that it began in; it is used up."""

    organization_id: str
    member_id: str
    mode: Mode
    verifier: str | None


async def begin(*, organization_id: str, mode: Mode, member_id: str) -> Ticket:
    """A ticket for a member who may connect accounts."""
    await rows("DELETE FROM stripe_installs WHERE expires_at < now() - make_interval(days => {})", _KEPT_DAYS)
    issued = new_install_secret()
    kept = await row(
        """
        INSERT INTO stripe_installs (ticket_hash, organization_id, mode, member_id, created_at, expires_at)
        VALUES ({}, {}, {}, {}, now(), now() + make_interval(mins => {})) RETURNING expires_at
        """,
        issued.secret_hash,
        organization_id,
        mode,
        member_id,
        MINUTES,
    )
    if kept is None:
        raise RuntimeError("an INSERT that returned nothing")
    return Ticket(issued.secret, kept["expires_at"])


async def look_at(ticket: str) -> Begun:
    """Who began this; nothing is used up. Raises InstallRefused."""
    found = await row(
        """
        SELECT i.organization_id, o.name AS organization_name, i.member_id, m.name AS member_name, i.mode,
            i.state_hash IS NOT NULL AS opened, i.expires_at < now() AS expired
        FROM stripe_installs i JOIN organizations o ON o.id = i.organization_id JOIN members m ON m.id = i.member_id
        WHERE i.ticket_hash = {}
        """,
        hash_secret(ticket),
    )
    if found is None:
        raise _unknown()
    if found.pop("opened"):
        raise InstallRefused("used", "This link has been opened already. Begin again in the console.")
    if found.pop("expired"):
        raise _expired()
    return Begun(**found)


async def open_ticket(ticket: str, *, vault: Vault, pkce: bool) -> Opened:
    """Bind the installation to the browser that opens it, once. Raises InstallRefused."""
    begun = await look_at(ticket)
    state, browser = new_install_secret(), new_install_secret()
    verifier = secrets.token_urlsafe(48) if pkce else None
    ticket_hash = hash_secret(ticket)
    opened = await rows(
        "UPDATE stripe_installs SET state_hash = {}, browser_hash = {}, verifier_ciphertext = {} "
        "WHERE ticket_hash = {} AND state_hash IS NULL AND expires_at >= now() RETURNING mode",
        state.secret_hash,
        browser.secret_hash,
        vault.seal(verifier.encode(), context=_verifier_context(begun.organization_id, ticket_hash))
        if verifier
        else None,
        ticket_hash,
    )
    if not opened:
        raise InstallRefused("used", "This link has been opened already. Begin again in the console.")
    return Opened(begun.mode, state.secret, browser.secret, _challenge(verifier) if verifier else None)


async def finish(state: str, browser: str, *, vault: Vault) -> Finishing:
    """Use up the installation that this state is of, in the browser that it was opened in.

    One that is not in its browser is left as it is: who learned a state can neither use nor spoil it. Raises
    InstallRefused.
    """
    found = await row(
        "SELECT ticket_hash, organization_id, member_id, mode, browser_hash, verifier_ciphertext, "
        "used_at IS NOT NULL AS used, expires_at < now() AS expired FROM stripe_installs WHERE state_hash = {}",
        hash_secret(state),
    )
    if found is None:
        raise _unknown()
    if not hmac.compare_digest(found["browser_hash"] or "", hash_secret(browser)):
        raise InstallRefused("other_browser", "This was begun in another browser, and goes on there only.")
    if found["expired"]:
        raise _expired()
    used = await rows(
        "UPDATE stripe_installs SET used_at = now() WHERE ticket_hash = {} AND used_at IS NULL RETURNING mode",
        found["ticket_hash"],
    )
    if not used:
        raise InstallRefused("used", "This answer of Stripe's has been used already.")
    sealed = found["verifier_ciphertext"]
    context = _verifier_context(found["organization_id"], found["ticket_hash"])
    verifier = vault.open(bytes(sealed), context=context).decode() if sealed else None
    return Finishing(found["organization_id"], found["member_id"], found["mode"], verifier)


def _challenge(verifier: str) -> str:
    """RFC 7636 §4.2, S256."""
    return base64url.encoded(hashlib.sha256(verifier.encode()).digest())


def _verifier_context(organization_id: str, ticket_hash: str) -> bytes:
    return sealed_for(organization_id, "stripe_installs", ticket_hash)


def _unknown() -> InstallRefused:
    return InstallRefused("unknown", "Nothing is known of this installation. Begin again in the console.")


def _expired() -> InstallRefused:
    return InstallRefused("expired", f"More than {MINUTES} minutes have passed. Begin again in the console.")
