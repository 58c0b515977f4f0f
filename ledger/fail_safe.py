"""The fail-safe document: what callers may do while Axiru cannot be reached, signed so that they can keep it.

It is a JWT (RFC 7519) under the ledger's own Ed25519 key (RFC 8032, alg `Ed25519` of RFC 9864). A caller without a
valid one holds everything.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import OKPKey

from axiru.database import row, rows
from axiru.domain.movement import SURFACES, Mode
from ledger.acts.in_force import controls_in_force
from ledger.acts.standing import CompiledVersions, VersionInForce
from ledger.signing import Signer
from policies.syntax import FALLBACKS, Fallback, Policy

ALGORITHM: Final = "Ed25519"
TYPE: Final = "axiru-fail-safe+jwt"
VALID_FOR: Final = timedelta(hours=24)


class Stop(msgspec.Struct, frozen=True):
    """What a kill switch or a freeze stops: everything where `scope` is empty, else what it names."""

    scope: dict[str, str]
    expires_at: datetime | None


class Programme(msgspec.Struct, frozen=True):
    """A payout programme that may go on: payouts of up to `max_amount_cents` in `currency`, until `expires_at`."""

    programme: str
    currency: str
    max_amount_cents: int
    expires_at: datetime


async def fail_safe_claims(
    organization_id: str, mode: Mode, *, issuer: str, now: datetime, compiled: CompiledVersions
) -> dict[str, Any]:
    """The claims as things stand: surfaces, what the active policies say of each action, programmes, what is stopped.

    Raises PolicyVersionMissing where an active version cannot be read: no document is better than a wrong one.
    """
    return {
        "iss": issuer,
        "aud": organization_id,
        "mode": mode,
        "iat": int(now.timestamp()),
        "exp": int((now + VALID_FOR).timestamp()),
        "surfaces": await _surfaces(organization_id, mode),
        "default_connection": await _default_connection(organization_id, mode),
        "unreachable": fallbacks([await _policy(version, compiled) for version in await _active(organization_id)]),
        "programmes": [
            {**msgspec.to_builtins(programme), "expires_at": programme.expires_at.astimezone(UTC).isoformat()}
            for programme in await _programmes(organization_id, mode, now)
        ],
        "stopped": [
            {
                "scope": stop.scope,
                "expires_at": stop.expires_at.astimezone(UTC).isoformat() if stop.expires_at else None,
            }
            for stop in await _stopped(organization_id, mode)
        ],
    }


def sign(claims: dict[str, Any], signer: Signer) -> str:
    """The claims as a compact JWS. `kid` is the key's RFC 7638 thumbprint."""
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": signer.key_id}
    key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(signer.private_bytes()))
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


def fallbacks(active: Iterable[Policy]) -> dict[str, str]:
    """What callers do by rail action. Of policies that say something of one action, the first to say `hold` counts."""
    told = {action: options[0] for action, options in FALLBACKS.items()}
    stated: dict[str, set[Fallback]] = {}
    for policy in active:
        for action, fallback in policy.when_unreachable:
            stated.setdefault(action, set()).add(fallback)
    for action, said in stated.items():
        told[action] = Fallback.HOLD if Fallback.HOLD in said else said.pop()
    return {action: fallback.value for action, fallback in told.items()}


async def _surfaces(organization_id: str, mode: Mode) -> dict[str, str]:
    """By `rail.rail_action`, and by `connection/rail.rail_action` where a connection has a word of its own."""
    found = await rows(
        "SELECT stripe_connection_id, rail, rail_action, surface_mode FROM surfaces "
        "WHERE organization_id = {} AND mode = {}",
        organization_id,
        mode,
    )
    told = dict.fromkeys(sorted(SURFACES), "shadow")
    for one in found:
        connection = f"{one['stripe_connection_id']}/" if one["stripe_connection_id"] else ""
        told[f"{connection}{one['rail']}.{one['rail_action']}"] = one["surface_mode"]
    return told


async def _default_connection(organization_id: str, mode: Mode) -> str | None:
    found = await row(
        "SELECT id FROM stripe_connections WHERE organization_id = {} AND mode = {} AND is_default "
        "AND status = 'active'",
        organization_id,
        mode,
    )
    return str(found["id"]) if found else None


async def _stopped(organization_id: str, mode: Mode) -> list[Stop]:
    """The controls in force. A frozen account is also the connection's whose own it is: requests seldom name that."""
    controls = await controls_in_force(organization_id, mode)
    stopped = [Stop(one.scope, one.expires_at) for one in controls if one.kind in {"kill_switch", "freeze"}]
    for one in list(stopped):
        own = await rows(
            "SELECT id FROM stripe_connections WHERE organization_id = {} AND mode = {} AND stripe_account_id = {}",
            *(organization_id, mode, one.scope.get("stripe_account_id")),
        )
        stopped += [Stop({"stripe_connection_id": connection["id"]}, one.expires_at) for connection in own]
    return stopped


async def _active(organization_id: str) -> list[VersionInForce]:
    found = await rows(
        "SELECT id, slug, version, status, content_hash FROM policy_versions "
        "WHERE organization_id = {} AND status = 'active' ORDER BY slug",
        organization_id,
    )
    return [msgspec.convert(version, VersionInForce) for version in found]


async def _policy(version: VersionInForce, compiled: CompiledVersions) -> Policy:
    return (await compiled.get(version)).policy


async def _programmes(organization_id: str, mode: Mode, now: datetime) -> list[Programme]:
    found = await rows(
        "SELECT programme, currency, max_amount_cents, expires_at FROM fail_open_programmes "
        "WHERE organization_id = {} AND mode = {} AND removed_at IS NULL AND expires_at > {} "
        "ORDER BY programme, currency",
        organization_id,
        mode,
        now,
    )
    return [msgspec.convert(one, Programme) for one in found]
