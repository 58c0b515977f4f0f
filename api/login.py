"""Checking a password: slow on purpose, off the event loop, and no faster for an e-mail that nobody has."""

import asyncio
from functools import lru_cache
from typing import Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.rate_limit import RateLimit
from axiru.database import row
from axiru.errors import AxiruError

FAILURES_PER_EMAIL: Final = 10
FAILURES_PER_ADDRESS: Final = 60
# Each check takes 64 MiB and a core for a while: more at once would let log-ins starve decisions.
_AT_ONCE: Final = 2
_checks = asyncio.Semaphore(_AT_ONCE)


class InvalidCredentials(AxiruError):
    """E-mail and password do not belong together; which of them is wrong is not told."""

    code = "invalid_credentials"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    email: str
    name: str
    roles: list[str]
    organization_id: str
    organization_name: str


async def verified_member(email: str, password: str, address: str, rate_limit: RateLimit) -> Member:
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
            await rate_limit.check(subject, per_minute=per_minute)
        right = await asyncio.to_thread(_matches, found["password_hash"] if found else nobodys_hash(), password)
        if found is None or not right:
            for subject, per_minute in limits:
                await rate_limit.hit(subject, per_minute=per_minute)
    if found is None or not right:
        raise InvalidCredentials("E-mail or password is wrong.")
    return Member(**{name: found[name] for name in Member.__struct_fields__})


@lru_cache(maxsize=1)
def nobodys_hash() -> str:
    """What the password of an unknown e-mail is compared with. Nothing matches it: see `verified_member`."""
    return PasswordHasher().hash("no member has this e-mail")


def _matches(password_hash: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
