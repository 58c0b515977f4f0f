"""The rows that tables show of a decision: written with its entry, read back as its receipt."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from axiru.database import row, rows
from axiru.domain.authorization import Token
from axiru.domain.decision import Advisory, DecisionReceipt, SurfaceMode
from axiru.domain.evaluation import Outcome, ReviewTerms
from axiru.domain.exact import exact
from axiru.domain.movement import Mode, Ovt, for_account
from axiru.domain.notice import notices_of
from axiru.domain.seen_movement import Bypass, came_to_nothing
from axiru.errors import AxiruError
from ledger.acts.chain import json
from ledger.acts.ruling import Evaluated
from ledger.acts.standing import subject_of


class RequestUnknown(AxiruError):
    """No request was recorded under this decision id."""

    code = "request_unknown"


class Recorded(msgspec.Struct, frozen=True):
    """A request as it came in, with the account its connection stands for. `bypass`: nobody asked; it was seen."""

    organization_id: str
    mode: Mode
    endpoint: str
    fingerprint: str
    api_key_id: str
    requested_by: str
    received_at: datetime
    ovt: Ovt
    connection_account_id: str
    bypass: Bypass | None = None


class ShadowResult(msgspec.Struct, frozen=True):
    """What a version that did not decide would have said, beside what counted.

    `agrees`: the same outcome and, where both ask people, the same people under the same terms.
    """

    version_id: str
    slug: str
    version: int
    outcome: str
    reason: str
    rule_id: str | None
    live_version_id: str | None
    live_outcome: str
    live_reason: str
    live_rule_id: str | None
    agrees: bool


def agreement_of(results: Sequence[ShadowResult]) -> bool | None:
    """Whether every version that looked on agrees with what counted; None where none did."""
    return all(result.agrees for result in results) if results else None


async def read_request(decision_id: str) -> Recorded:
    """The request, with the account it is made for resolved: a control on an account binds whoever leaves it out."""
    found = await row(
        """
        SELECT r.*, coalesce(c.stripe_account_id, '') AS connection_account_id, o.stripe_object_id,
            o.stripe_connection_id, o.kind, o.why, o.stripe_status
        FROM requests r
        LEFT JOIN stripe_connections c ON c.organization_id = r.organization_id AND c.mode = r.mode
            AND c.id = r.ovt -> 'merchant' ->> 'stripe_connection_id'
        LEFT JOIN observed_movements o ON o.decision_id = r.decision_id AND o.stripe_object_id = r.observed_object_id
        WHERE r.decision_id = {}
        """,
        decision_id,
    )
    if found is None:
        raise RequestUnknown("No request was recorded under this id.", decision_id=decision_id)
    ovt = for_account(msgspec.json.decode(found["ovt"], type=Ovt), found["connection_account_id"])
    bypass = msgspec.convert(found, Bypass) if found["observed_object_id"] is not None else None
    return msgspec.convert({**found, "ovt": ovt, "bypass": bypass}, Recorded)


async def receipt_of(decision_id: str) -> DecisionReceipt:
    """The receipt of a decision that was made, in its present state, with the token that was sealed with it.

    Raises RequestUnknown for one that was not made.
    """
    found = await row(
        "SELECT d.*, a.terms, a.asked_at, a.expires_at, t.jti, t.key_id, t.issued_at, t.expires_at AS token_expires_at "
        "FROM decisions d LEFT JOIN approvals a ON a.decision_id = d.id "
        "LEFT JOIN authorization_tokens t ON t.decision_id = d.id AND t.ledger_id = d.ledger_id WHERE d.id = {}",
        decision_id,
    )
    if found is None:
        raise RequestUnknown("There is no such decision.", decision_id=decision_id)
    return DecisionReceipt(
        decision_id=decision_id,
        mode=found["mode"],
        outcome=Outcome(found["outcome"]),
        state=found["state"],
        reason=found["reason"],
        message=found["message"],
        matched_rule=found["matched_rule"],
        surface_mode=found["surface_mode"],
        execute=found["execute"],
        ledger_id=found["ledger_id"],
        logged_at=found["decided_at"],
        matched_rule_id=found["matched_rule_id"],
        rule_kind=found["rule_kind"],
        policy_version=found["policy_version"],
        approver_role=found["approver_role"],
        approval_id=found["approval_id"],
        approval_expires_at=found["expires_at"],
        advisory=msgspec.json.decode(found["advisory"], type=Advisory) if found["advisory"] else None,
        approval_notices=notices_of(
            msgspec.json.decode(found["terms"], type=ReviewTerms), found["asked_at"], found["expires_at"]
        )
        if found["terms"]
        else (),
        token=Token(found["jti"], found["key_id"], found["issued_at"], found["token_expires_at"])
        if found["jti"]
        else None,
    )


async def project_decision(
    receipt: DecisionReceipt, request: Recorded, live: Evaluated | None, results: Sequence[ShadowResult], seq: int
) -> None:
    """The decision's row and those of its shadow results, in one statement."""
    ovt = request.ovt
    await rows(
        """
        WITH decided AS (INSERT INTO decisions (id, organization_id, mode, endpoint, fingerprint, state, outcome,
            reason, message, matched_rule, matched_rule_id, rule_kind, policy_version, policy_hash, approver_role,
            approval_id, surface_mode, execute, advisory, evaluation, rail, rail_action, amount_cents, currency,
            stripe_connection_id, charge, customer_id, initiator_id, source, requested_by, bypass, ledger_id, seq,
            received_at, decided_at, updated_at)
        VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}::jsonb, {}::jsonb, {}, {},
            {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})
        RETURNING *)
        INSERT INTO shadow_results (decision_id, version_id, organization_id, mode, slug, version, outcome, reason,
            rule_id, live_version_id, live_outcome, live_reason, live_rule_id, agrees, surface_mode, rail, rail_action,
            amount_cents, currency, decided_at)
        SELECT d.id, s.version_id, d.organization_id, d.mode, s.slug, s.version, s.outcome, s.reason, s.rule_id,
            s.live_version_id, s.live_outcome, s.live_reason, s.live_rule_id, s.agrees, d.surface_mode, d.rail,
            d.rail_action, d.amount_cents, d.currency, d.decided_at
        FROM decided d, jsonb_to_recordset({}::jsonb) AS s (version_id text, slug text, version integer, outcome text,
            reason text, rule_id text, live_version_id text, live_outcome text, live_reason text, live_rule_id text,
            agrees boolean)
        """,
        receipt.decision_id,
        request.organization_id,
        request.mode,
        request.endpoint,
        request.fingerprint,
        receipt.state,
        receipt.outcome.value,
        receipt.reason,
        receipt.message,
        receipt.matched_rule,
        receipt.matched_rule_id,
        receipt.rule_kind,
        receipt.policy_version,
        live.version.content_hash if live else None,
        receipt.approver_role,
        receipt.approval_id,
        receipt.surface_mode,
        receipt.execute,
        json(receipt.advisory) if receipt.advisory else None,
        json(exact(msgspec.to_builtins(live.evaluation))) if live else "{}",
        ovt.rail,
        ovt.rail_action,
        ovt.amount.minor_units,
        ovt.amount.asset,
        ovt.merchant.stripe_connection_id,
        ovt.target.charge,
        ovt.context.customer_id,
        ovt.initiator.id,
        ovt.context.source,
        request.requested_by,
        request.bypass is not None,
        receipt.ledger_id,
        seq,
        request.received_at,
        receipt.logged_at,
        receipt.logged_at,
        json(results),
    )


async def reserve_budget(receipt: DecisionReceipt, request: Recorded, counted_in: SurfaceMode) -> bool:
    """Count the movement; what was made without asking has moved already, unless it came to nothing: then False."""
    ovt = request.ovt
    state = "reserved"
    if request.bypass is not None:
        state = "released" if came_to_nothing(request.bypass.stripe_status) else "committed"
    await rows(
        """
        INSERT INTO movements (decision_id, organization_id, mode, surface_mode, state, rail, rail_action, asset, units,
            initiator_id, counterparty_id, customer_id, merchant_id, charge, moved_at, mandate, presentation)
        VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}::numeric, {}, {}, {}, {}, {}, {}, {}, {})
        """,
        receipt.decision_id,
        request.organization_id,
        request.mode,
        counted_in,
        state,
        ovt.rail,
        ovt.rail_action,
        ovt.amount.asset,
        ovt.amount.minor_units,
        *(subject_of(ovt, per) for per in ("initiator", "counterparty", "customer", "merchant", "charge")),
        receipt.logged_at,
        ovt.mandate.id if ovt.mandate else None,
        ovt.mandate.presentation if ovt.mandate else None,
    )
    return state != "released"


async def excluded_member_ids(decision_id: str) -> list[str]:
    """Who never approves a request: its requester, who made or owns its key, who owns an agent it names, as of now."""
    found = await rows(
        """
        SELECT DISTINCT excluded FROM requests r LEFT JOIN api_keys k ON k.id = r.api_key_id
            AND k.organization_id = r.organization_id,
            unnest(array_remove(ARRAY[r.requested_by, k.owner_member_id, k.created_by] || agent_owners(r), NULL))
                AS excluded
        WHERE r.decision_id = {} ORDER BY excluded
        """,
        decision_id,
    )
    return [one["excluded"] for one in found]


async def ask_people(
    receipt: DecisionReceipt, request: Recorded, terms: str, digest: str, excluded: Sequence[str]
) -> None:
    await rows(
        """
        INSERT INTO approvals (id, organization_id, mode, decision_id, state, terms, digest, requested_by,
            excluded_member_ids, asked_at, expires_at)
        VALUES ({}, {}, {}, {}, 'pending', {}::jsonb, {}, {}, {}, {}, {})
        """,
        receipt.approval_id,
        request.organization_id,
        request.mode,
        receipt.decision_id,
        terms,
        digest,
        request.requested_by,
        list(excluded),
        receipt.logged_at,
        receipt.approval_expires_at,
    )
