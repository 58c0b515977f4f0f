"""`/api/v1/fail-safe` and `/api/v1/fail-open`: what callers may do while Axiru cannot be reached, and who says so."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, delete, get, post
from msgspec import Meta

from api.auth import Caller, require_mode, requires
from api.errors import FieldError, InvalidBody
from api.fields import blank_reason, decode_by_rules, past_time
from api.intake.text import AmountCents, Currency, Moment
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.page import ModeFilter
from api.views.people import Person
from axiru.database import rows
from axiru.domain.movement import Mode
from ledger.acts.fail_open import allow_programme, remove_programme
from ledger.fail_safe import ALGORITHM, fail_safe_claims, sign

LONGEST_DAYS: Final = 90


class FailSafe(msgspec.Struct, frozen=True):
    """`document` is a compact JWS; `public_key` the Ed25519 JWK that it is verified with, to be pinned."""

    document: str
    public_key: dict[str, str]


class ProgrammeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A payout programme that may go on while Axiru cannot be reached, each payout up to an amount, until a time."""

    programme: Annotated[str, Meta(min_length=1, max_length=100, pattern="^[a-z0-9][a-z0-9_.-]*$(?!\\n)")]
    currency: Currency
    max_amount_cents: AmountCents
    reason: Annotated[str, Meta(min_length=1, max_length=2_000)]
    expires_at: Moment
    mode: Mode | None = None


class ProgrammeView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    mode: Mode
    programme: str
    currency: str
    max_amount_cents: int
    reason: str
    added_by: Person
    added_at: datetime
    expires_at: datetime
    removed_at: datetime | None
    in_force: bool


class ProgrammeList(msgspec.Struct, frozen=True):
    items: list[ProgrammeView]


@get("/api/v1/fail-safe", guards=[requires(Permission.READ)], security=BEARER)
async def get_fail_safe(request: Request[Caller, Any, Any], mode: ModeFilter = None) -> FailSafe:
    """The signed document as things stand, good for 24 hours."""
    caller, services = request.user, services_of(request)
    claims = await fail_safe_claims(
        caller.organization_id,
        caller.shown_mode(mode),
        issuer=services.settings.issuer,
        now=datetime.now(UTC),
        compiled=services.compiled,
    )
    return FailSafe(sign(claims, services.signer), {**services.signer.public_jwk(), "alg": ALGORITHM})


@get("/api/v1/fail-open", guards=[requires(Permission.READ)], security=BEARER)
async def list_programmes(request: Request[Caller, Any, Any], mode: ModeFilter = None) -> ProgrammeList:
    """Every programme that is or was on the list, newest first."""
    caller = request.user
    return ProgrammeList(await _views(caller.organization_id, caller.shown_mode(mode)))


@post(
    "/api/v1/fail-open",
    guards=[requires(Permission.POLICIES)],
    status_code=201,
    operation_class=taking(ProgrammeBody),
    security=BEARER,
)
async def list_programme(request: Request[Caller, Any, Any]) -> ProgrammeView:
    """Put a payout programme on the list, for 90 days at most."""
    caller = request.user
    raw = await read_object(request)
    body = decode_by_rules(raw, ProgrammeBody, _rule_errors(raw))
    require_mode(Permission.POLICIES, caller, body.mode)
    mode = caller.mode or body.mode
    if mode is None:
        raise InvalidBody.single("mode", "missing", "Say whether this is about test or live money.")
    listed_id = await allow_programme(
        body.programme,
        organization_id=caller.organization_id,
        mode=mode,
        member_id=caller.member_id,
        currency=body.currency.lower(),
        max_amount_cents=body.max_amount_cents,
        reason=body.reason.strip(),
        expires_at=body.expires_at,
        signer=services_of(request).signer,
    )
    return next(view for view in await _views(caller.organization_id, mode) if view.id == listed_id)


@delete("/api/v1/fail-open/{listed_id:str}", guards=[requires(Permission.POLICIES)], security=BEARER)
async def unlist_programme(request: Request[Caller, Any, Any], listed_id: str) -> None:
    """Take a programme off the list. Who holds a document goes by it until it ends, 24 hours at most."""
    caller = request.user
    await remove_programme(
        listed_id,
        organization_id=caller.organization_id,
        modes=caller.modes,
        member_id=caller.member_id,
        signer=services_of(request).signer,
    )


def _rule_errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from blank_reason(raw, "Say why it may go on.")
    yield from past_time(raw, "expires_at")
    try:
        ends = msgspec.convert(raw.get("expires_at"), Moment)
    except msgspec.ValidationError:
        return
    if ends > datetime.now(UTC) + timedelta(days=LONGEST_DAYS):
        yield FieldError("expires_at", "out_of_range", f"This must be within {LONGEST_DAYS} days.")


async def _views(organization_id: str, mode: Mode) -> list[ProgrammeView]:
    found = await rows(
        "SELECT f.*, m.name AS added_by_name, f.removed_at IS NULL AND f.expires_at > clock_timestamp() AS in_force "
        "FROM fail_open_programmes f JOIN members m ON m.id = f.added_by "
        "WHERE f.organization_id = {} AND f.mode = {} ORDER BY f.added_at DESC, f.id DESC",
        organization_id,
        mode,
    )
    return [
        ProgrammeView(
            **{name: one[name] for name in ProgrammeView.__struct_fields__ if name != "added_by"},
            added_by=Person(one["added_by"], one["added_by_name"]),
        )
        for one in found
    ]
