"""Whose payment mandates (AP2) an organization takes: an admin says so, by the public key they are signed with."""

from typing import Any

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.errors import AxiruError
from ledger.acts.chain import acts, json
from ledger.acts.member_record import check_admin
from ledger.acts.second_person import BOTH_MODES
from ledger.entry import EntrySigner


class Ap2IssuerNotFound(AxiruError):
    """There is no such issuer in this organization."""

    code = "not_found"


class Ap2IssuerKnown(AxiruError):
    """The key is trusted already."""

    code = "conflict"


class WantedIssuer(msgspec.Struct, frozen=True, kw_only=True):
    """`issuer` is what mandates call it, `thumbprint` that of the key (RFC 7638)."""

    issuer: str
    name: str
    jwk: dict[str, Any]
    thumbprint: str


async def trust_issuer(wanted: WantedIssuer, *, organization_id: str, by_member_id: str, signer: EntrySigner) -> str:
    """Take mandates that are signed with this key, from now on; returns its id. Raises NotEligible, Ap2IssuerKnown."""
    async with acts(signer, organization_id, BOTH_MODES) as trusting:
        await check_admin(by_member_id, organization_id)
        known = await row(
            "SELECT id FROM ap2_issuers WHERE organization_id = {} AND thumbprint = {} AND removed_at IS NULL",
            organization_id,
            wanted.thumbprint,
        )
        if known is not None:
            raise Ap2IssuerKnown("This key is trusted already.", state="trusted", id=known["id"])
        issuer_id = ids.new_id(ids.AP2_ISSUER)
        told = {
            "issuer_id": issuer_id,
            "change": "trusted",
            **msgspec.structs.asdict(wanted),
            "by_member_id": by_member_id,
        }
        for one in trusting:
            one.seal("ap2_issuer", told)
        await rows(
            "INSERT INTO ap2_issuers (id, organization_id, issuer, name, jwk, thumbprint, added_by, added_at) "
            "VALUES ({}, {}, {}, {}, {}::jsonb, {}, {}, {})",
            issuer_id,
            organization_id,
            wanted.issuer,
            wanted.name,
            json(wanted.jwk),
            wanted.thumbprint,
            by_member_id,
            trusting[0].now,
        )
        return issuer_id


async def distrust_issuer(
    issuer_id: str, reason: str, *, organization_id: str, by_member_id: str, signer: EntrySigner
) -> None:
    """Take no mandate of this key any more, and use no token that was given for one. Again changes nothing.

    Raises NotEligible, Ap2IssuerNotFound.
    """
    async with acts(signer, organization_id, BOTH_MODES) as ending:
        await check_admin(by_member_id, organization_id)
        found = await row(
            "SELECT removed_at FROM ap2_issuers WHERE id = {} AND organization_id = {}", issuer_id, organization_id
        )
        if found is None:
            raise Ap2IssuerNotFound("There is no such issuer.")
        if found["removed_at"] is None:
            await rows(
                "UPDATE ap2_issuers SET removed_at = {}, removed_by = {}, removed_reason = {} WHERE id = {}",
                ending[0].now,
                by_member_id,
                reason or None,
                issuer_id,
            )
            told = {"issuer_id": issuer_id, "change": "removed", "reason": reason, "by_member_id": by_member_id}
            for one in ending:
                one.seal("ap2_issuer", told)
