"""Checking a password: slow on purpose, off the event loop, and no faster for an e-mail that nobody has."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.services import Services
from axiru.database import row
from axiru.errors import AxiruError
from ledger.acts.lockout import LockoutTerms, admit_right_password, count_wrong_password

FAILURES_PER_EMAIL: Final = 10
FAILURES_PER_ADDRESS: Final = 60
# Each check takes 64 MiB and a core for a while: more at once would let log-ins starve decisions.
_AT_ONCE: Final = 2
_checks = asyncio.Semaphore(_AT_ONCE)
_log = structlog.get_logger("api")


class InvalidCredentials(AxiruError):
    """E-mail and password do not belong together, or the log-in is locked; which of them is not told."""

    code = "invalid_credentials"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """Who gave the right password; `password_hash` is the one it was compared with, and goes no further."""

    id: str
    email: str
    name: str
    roles: list[str]
    organization_id: str
    organization_name: str
    password_hash: str


async def verified_member(email: str, password: str, address: str, services: Services) -> Member:
    """The member whose password this is.

    Raises InvalidCredentials, and RateLimited after too many failures in a minute for one e-mail or from one address.
    """
    email = email.strip().lower()
    limits = ((f"login/email/{email}", FAILURES_PER_EMAIL), (f"login/address/{address}", FAILURES_PER_ADDRESS))
    found = await row(
        """
        SELECT m.id, m.email, m.name, m.roles, m.organization_id, o.name AS organization_name, m.password_hash
        FROM members m JOIN organizations o ON o.id = m.organization_id
        WHERE m.email = {} AND m.disabled_at IS NULL
        """,
        email,
    )
    async with _checks:
        # Asked where only a few are at a time, so that a burst cannot all pass before the first failure is counted.
        for subject, per_minute in limits:
            await services.rate_limit.check(subject, per_minute=per_minute)
        kept = found["password_hash"] if found else ""
        # Who has set no password yet takes as long as everybody else, and never gets in.
        matches = await asyncio.to_thread(_matches, kept or nobodys_hash(), password)
        admitted = await _admitted(found, matches and bool(kept), services)
        if not admitted:
            for subject, per_minute in limits:
                await services.rate_limit.hit(subject, per_minute=per_minute)
    if found is None or not admitted:
        raise InvalidCredentials("E-mail or password is wrong.")
    return Member(**{name: found[name] for name in Member.__struct_fields__})


async def hashed(password: str) -> str:
    """What is kept of a new password; as slow as a check, and no more at once."""
    async with _checks:
        return await asyncio.to_thread(PasswordHasher().hash, password)


async def _admitted(found: Mapping[str, Any] | None, right: bool, services: Services) -> bool:
    """Count the failure, or let in whoever is not locked. One statement for every e-mail, whoever has it."""
    settings = services.settings
    terms = LockoutTerms(settings.login_failures, timedelta(minutes=settings.lockout_minutes))
    member_id, organization_id = (found["id"], found["organization_id"]) if found else ("", "")
    if right:
        return await admit_right_password(member_id, terms)
    try:
        await count_wrong_password(member_id, organization_id, terms, signer=services.signer)
    except AxiruError as error:  # a busy ledger, say; the lock holds and the next failure seals it
        _log.error("lock_out_not_sealed", member_id=member_id, error=error.code)
    return False


@lru_cache(maxsize=1)
def nobodys_hash() -> str:
    """What the password of an unknown e-mail is compared with. Nothing matches it: see `verified_member`."""
    return PasswordHasher().hash("no member has this e-mail")


def _matches(password_hash: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
