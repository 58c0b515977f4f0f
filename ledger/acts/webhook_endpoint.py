"""Webhook endpoints: set up, changed, given a new secret, removed; each sealed in the chain of their mode.

Whoever knows an endpoint's secret can send votes in as the member it `votes_as`. So only that member lets it, and only
together with a secret that nobody else has been shown.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from axiru.database import row, rows
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from axiru.vault import sealed_for
from ledger.acts.chain import Act, act, salted
from ledger.acts.member_record import check_admin
from ledger.acts.vote import NotEligible
from ledger.entry import EntrySigner

MOST_ENDPOINTS: Final = 50
A_DAY: Final = timedelta(hours=24)


class EndpointNotFound(AxiruError):
    """There is no such endpoint in this organization, or it was removed."""

    code = "not_found"


class TooManyEndpoints(AxiruError):
    """Every message is made and signed for each endpoint: an organization has so many in a mode, and no more."""

    code = "conflict"


class WantedEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint to be set up, its secret sealed by the vault under the context of `id`."""

    id: str
    mode: Mode
    url: str
    description: str
    events: Sequence[str]
    secret_ciphertext: bytes
    votes_as: str | None


class EndpointChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be different; None leaves it. A vote can only be ended this way: see `rotate_endpoint`."""

    url: str | None = None
    description: str | None = None
    events: Sequence[str] | None = None
    enabled: bool | None = None
    ends_votes: bool = False


def secret_context(organization_id: str, endpoint_id: str) -> bytes:
    """The context under which the vault seals an endpoint's secrets."""
    return sealed_for(organization_id, "webhook_endpoints", endpoint_id)


async def create_endpoint(wanted: WantedEndpoint, *, organization_id: str, member_id: str, signer: EntrySigner) -> None:
    """Set up an endpoint; it is told what happens from then on. Raises NotEligible, TooManyEndpoints."""
    async with act(signer, organization_id, wanted.mode) as creating:
        await check_admin(member_id, organization_id)
        if wanted.votes_as not in {None, member_id}:
            raise NotEligible("Only a member themself lets a webhook vote for them.", because="not_yourself")
        await _check_room(organization_id, wanted.mode)
        facts = {"events": sorted(wanted.events), "votes_as": wanted.votes_as}
        _seal(creating, wanted.id, "create", member_id, facts, {"url": wanted.url})
        await rows(
            """
            INSERT INTO webhook_endpoints (id, organization_id, mode, url, description, events, secret_ciphertext,
                votes_as, created_by, created_at)
            VALUES ({}, {}, {}, {}, {}, {}::text[], {}, {}, {}, {})
            """,
            wanted.id,
            organization_id,
            wanted.mode,
            wanted.url,
            wanted.description,
            sorted(wanted.events),
            wanted.secret_ciphertext,
            wanted.votes_as,
            member_id,
            creating.now,
        )


async def change_endpoint(
    endpoint_id: str, change: EndpointChange, *, organization_id: str, member_id: str, signer: EntrySigner
) -> None:
    """Change where an endpoint is, what it is told, and whether; an admin does, and whom it votes for ends that.

    Raises EndpointNotFound, NotEligible.
    """
    async with act(signer, organization_id, await _mode_of(endpoint_id, organization_id)) as changing:
        found = await _endpoint(endpoint_id)
        if not (change == EndpointChange(ends_votes=True) and found["votes_as"] == member_id):
            await check_admin(member_id, organization_id)
        events = sorted(change.events) if change.events is not None else list(found["events"])
        enabled = found["disabled_at"] is None if change.enabled is None else change.enabled
        votes_as = None if change.ends_votes else found["votes_as"]
        url = change.url or found["url"]
        facts = {"events": events, "enabled": enabled, "votes_as": votes_as}
        _seal(changing, endpoint_id, "change", member_id, facts, {"url": url})
        await rows(
            """
            UPDATE webhook_endpoints SET url = {}, description = {}, events = {}::text[], votes_as = {},
                disabled_at = CASE WHEN {} THEN NULL ELSE coalesce(disabled_at, {}) END
            WHERE id = {}
            """,
            url,
            found["description"] if change.description is None else change.description,
            events,
            votes_as,
            enabled,
            changing.now,
            endpoint_id,
        )


async def rotate_endpoint(
    endpoint_id: str,
    *,
    organization_id: str,
    member_id: str,
    secret_ciphertext: bytes,
    keep_previous: timedelta,
    votes_as_member: bool,
    signer: EntrySigner,
) -> None:
    """Give an endpoint a new secret; messages are signed with the previous one as well for as long as it is kept.

    Who rotates is shown the new secret, so from now on votes come in as that member or as nobody. With the previous
    secret votes come in only where that changed nobody's. An admin rotates any endpoint; another member only to have it
    vote for them, which takes it from nobody else, and leaves its receiver a day to learn the new secret. Raises
    EndpointNotFound, NotEligible.
    """
    async with act(signer, organization_id, await _mode_of(endpoint_id, organization_id)) as rotating:
        await (_check_member if votes_as_member else check_admin)(member_id, organization_id)
        found = await _endpoint(endpoint_id)
        voter = member_id if votes_as_member else None
        if found["votes_as"] not in {None, member_id} or (found["votes_as"] is None and keep_previous < A_DAY):
            await check_admin(member_id, organization_id)
        until = rotating.now + keep_previous if keep_previous > timedelta() else None
        facts = {"previous_secret_until": until.isoformat() if until else None, "votes_as": voter}
        _seal(rotating, endpoint_id, "rotate", member_id, facts)
        await rows(
            """
            UPDATE webhook_endpoints SET secret_ciphertext = {}, votes_as = {}, previous_secret_until = {},
                previous_secret_ciphertext = {}, previous_secret_votes = {}
            WHERE id = {}
            """,
            secret_ciphertext,
            voter,
            until,
            found["secret_ciphertext"] if until else None,
            voter is not None and voter == found["votes_as"],
            endpoint_id,
        )


async def remove_endpoint(endpoint_id: str, *, organization_id: str, member_id: str, signer: EntrySigner) -> None:
    """Tell this endpoint nothing more and take no votes from it. Raises EndpointNotFound, NotEligible."""
    async with act(signer, organization_id, await _mode_of(endpoint_id, organization_id)) as removing:
        await check_admin(member_id, organization_id)
        await _endpoint(endpoint_id)
        _seal(removing, endpoint_id, "remove", member_id, {})
        await rows("UPDATE webhook_endpoints SET removed_at = {} WHERE id = {}", removing.now, endpoint_id)


async def disable_gone_endpoint(endpoint_id: str, *, organization_id: str, mode: Mode, signer: EntrySigner) -> None:
    """Stop telling an endpoint that answered 410 Gone; one that was disabled or removed stays as it is."""
    async with act(signer, organization_id, mode) as disabling:
        disabled = await rows(
            "UPDATE webhook_endpoints SET disabled_at = {} "
            "WHERE id = {} AND disabled_at IS NULL AND removed_at IS NULL RETURNING id",
            disabling.now,
            endpoint_id,
        )
        if disabled:
            _seal(disabling, endpoint_id, "disable", None, {"because": "answered 410 Gone"})


def _seal(
    acting: Act,
    endpoint_id: str,
    action: str,
    member_id: str | None,
    facts: Mapping[str, Any],
    personal: Mapping[str, Any] | None = None,
) -> None:
    """A URL may hold a token of the receiver's: it is committed to, not written out."""
    data = {"endpoint_id": endpoint_id, "action": action, "member_id": member_id, **facts}
    acting.seal("webhook_endpoint", data, personal=salted(personal or {}))


async def _check_member(member_id: str, organization_id: str) -> None:
    found = await row(
        "SELECT id FROM members WHERE id = {} AND organization_id = {} AND disabled_at IS NULL",
        member_id,
        organization_id,
    )
    if found is None:
        raise NotEligible("Only a member of the organization does this.", because="member")


async def _check_room(organization_id: str, mode: Mode) -> None:
    found = await rows(
        "SELECT id FROM webhook_endpoints WHERE organization_id = {} AND mode = {} AND removed_at IS NULL",
        organization_id,
        mode,
    )
    if len(found) >= MOST_ENDPOINTS:
        raise TooManyEndpoints(f"There are {MOST_ENDPOINTS} endpoints in this mode; remove one first.", state="full")


async def _mode_of(endpoint_id: str, organization_id: str) -> Mode:
    found = await row(
        "SELECT mode FROM webhook_endpoints WHERE id = {} AND organization_id = {}", endpoint_id, organization_id
    )
    if found is None:
        raise EndpointNotFound("There is no such webhook endpoint.")
    mode: Mode = found["mode"]
    return mode


async def _endpoint(endpoint_id: str) -> dict[str, Any]:
    found = await row("SELECT * FROM webhook_endpoints WHERE id = {} AND removed_at IS NULL", endpoint_id)
    if found is None:
        raise EndpointNotFound("There is no such webhook endpoint.")
    return found
