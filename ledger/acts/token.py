"""Tokens of authorizations: issued with the decision or after its approval, consumed once, settled once.

Each is an act behind the chain's lock, so of any number of calls at once one consumes, and none behind a control.
"""

from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from axiru import ids
from axiru.database import row, rows
from axiru.domain.authorization import ENDPOINT, Token, TokenStatus, whole_seconds
from axiru.domain.control import ControlHit
from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from ledger.acts.chain import Act, act
from ledger.acts.token_leave import count_from, kept_back, no_room
from ledger.entry import EntrySigner, ledger_id

ISSUED_WITHIN: Final = timedelta(hours=24)
"""After the decision, or its approval, no further token is issued: what was decided then is no word on today."""

Settlement = Literal["settled", "failed"]


class TokenKeyMissing(AxiruError):
    """There is no key to sign tokens with."""

    code = "token_key_missing"


class TokenUnknown(AxiruError):
    """No token of this organization and mode goes by that `jti`."""

    code = "not_found"


class TokenNotUsable(AxiruError):
    """The token was consumed, is over, was revoked with its key, or a control forbids what it permits."""

    code = "conflict"


class SettlementRefused(AxiruError):
    """More was moved than the token permits: it is refused, and what was reserved stays counted."""

    code = "invalid_request"


class TokenStanding(msgspec.Struct, frozen=True):
    """What there is to give to who asks for a decision's token; `token` only where `status` is issued."""

    status: TokenStatus
    token: Token | None = None
    withheld_by: ControlHit | None = None


class Used(msgspec.Struct, frozen=True):
    """A token that was consumed or settled, with the entry that sealed it."""

    jti: str
    decision_id: str
    at: datetime
    ledger_id: str


async def new_token(now: datetime) -> Token:
    """A token under the key that signs now; kept by `keep_token` in the same transaction. Raises TokenKeyMissing."""
    key = await row(
        "SELECT key_id, token_seconds FROM signing_keys WHERE purpose = 'token' AND revoked_at IS NULL "
        "AND active_from <= clock_timestamp() ORDER BY active_from DESC LIMIT 1"
    )
    if key is None:
        raise TokenKeyMissing("There is no key to sign tokens with.")
    issued = whole_seconds(now)
    return Token(ids.new_id(ids.JTI), key["key_id"], issued, issued + timedelta(seconds=key["token_seconds"]))


async def keep_token(token: Token, decision_id: str, ledger_id: str, acting: Act) -> None:
    await rows(
        """
        INSERT INTO authorization_tokens (jti, organization_id, mode, decision_id, key_id, ledger_id, issued_at,
            expires_at) VALUES ({}, {}, {}, {}, {}, {}, {}, {})
        """,
        token.jti,
        acting.organization_id,
        acting.mode,
        decision_id,
        token.key_id,
        ledger_id,
        token.issued_at,
        token.expires_at,
    )


async def token_of(decision_id: str, *, organization_id: str, mode: Mode, signer: EntrySigner) -> TokenStanding | None:
    """The token of a decision that is allowed or approved: the one that is valid, or another where one may be issued.

    None for a decision that never had leave. A token that was used is not given out again. Another is judged as a
    request of now would be, and counted from now, so that what waits for its token leaves no window meanwhile.
    """
    known = await _standing(decision_id, await _now())
    if known is None or known.token is not None or known.status == "consumed":
        return known
    async with act(signer, organization_id, mode) as issuing:
        known = await _standing(decision_id, issuing.now)
        if known is None or known.token is not None or known.status != "issued":
            return known
        if (hit := await no_room(decision_id, issuing.now)) is not None:
            return TokenStanding("withheld", withheld_by=hit)
        token = await new_token(issuing.now)
        data = {"decision_id": decision_id, "token": msgspec.to_builtins(token)}
        entry = issuing.seal("token", data)
        await keep_token(token, decision_id, entry.ledger_id, issuing)
        await count_from(decision_id, issuing.now)
        issuing.tell("authorization", {"decision_id": decision_id, "jti": token.jti, "state": "issued"})
        return TokenStanding("issued", token)


async def consume(jti: str, *, organization_id: str, mode: Mode, api_key_id: str, signer: EntrySigner) -> Used:
    """Use a token, which nobody can do again, with it or with another of its decision.

    Raises TokenUnknown, and TokenNotUsable with the state that does not allow it.
    """
    async with act(signer, organization_id, mode) as consuming:
        token = await _token(jti, organization_id, mode)
        decision_id: str = token["decision_id"]
        if (state := await _why_not(token, consuming.now)) is not None:
            raise TokenNotUsable(_WORDS[state], state=state)
        if (hit := await kept_back(decision_id)) is not None:
            raise TokenNotUsable(hit.message, state="withheld", reason=hit.reason, control_id=hit.control_id)
        data = {"decision_id": decision_id, "jti": jti, "api_key_id": api_key_id}
        entry = consuming.seal("token_consumed", data)
        await rows(
            "UPDATE authorization_tokens SET consumed_at = {}, consumed_by = {} WHERE jti = {}",
            consuming.now,
            api_key_id,
            jti,
        )
        await count_from(decision_id, consuming.now)
        consuming.tell("authorization", {"decision_id": decision_id, "jti": jti, "state": "consumed"})
        return Used(jti, decision_id, consuming.now, entry.ledger_id)


async def settle_token(
    jti: str,
    settlement: Settlement,
    units: int | None,
    *,
    organization_id: str,
    mode: Mode,
    api_key_id: str,
    signer: EntrySigner,
) -> Used:
    """Say what came of a consumed token: its budget is committed for what was moved, or released.

    `units` None: all that was authorized. Saying the same again changes nothing. Raises TokenUnknown, TokenNotUsable,
    SettlementRefused.
    """
    async with act(signer, organization_id, mode) as settling:
        token = await _token(jti, organization_id, mode)
        decision_id: str = token["decision_id"]
        # What the decision says, not its movement: a settlement for less has made that one smaller.
        authorized: int = token["authorized"]
        moved = 0 if settlement == "failed" else authorized if units is None else units
        if token["settled_at"] is not None:
            if (token["settlement"], token["settled_units"]) == (settlement, moved):
                return Used(jti, decision_id, token["settled_at"], await _settled_in(decision_id))
            raise TokenNotUsable("This token was settled otherwise.", state=token["settlement"])
        if token["consumed_at"] is None:
            raise TokenNotUsable("Only a token that was consumed is settled.", state="issued")
        if moved > authorized:
            raise SettlementRefused("This is more than was authorized.", field="amount_units")
        entry = settling.seal(
            "token_settled",
            {
                "decision_id": decision_id,
                "jti": jti,
                "settlement": settlement,
                "units": str(moved),
                "reserved_units": str(authorized),
                "api_key_id": api_key_id,
            },
        )
        await rows(
            "UPDATE authorization_tokens SET settled_at = {}, settlement = {}, settled_units = {}::numeric, "
            "settled_by = {} WHERE jti = {}",
            settling.now,
            settlement,
            moved,
            api_key_id,
            jti,
        )
        await rows(
            "UPDATE movements SET units = {}::numeric, state = {} WHERE decision_id = {}",
            moved if settlement == "settled" else authorized,
            "committed" if settlement == "settled" else "released",
            decision_id,
        )
        decision_state = "executed" if settlement == "settled" else "execution_failed"
        await rows(
            "UPDATE decisions SET state = {}, updated_at = {} WHERE id = {}", decision_state, settling.now, decision_id
        )
        settling.tell("authorization", {"decision_id": decision_id, "jti": jti, "state": settlement})
        settling.tell("decision", {"decision_id": decision_id, "state": decision_state})
        return Used(jti, decision_id, settling.now, entry.ledger_id)


async def _standing(decision_id: str, now: datetime) -> TokenStanding | None:
    """What can be given out now. `issued` without a token: one may be issued."""
    found = await row(
        """
        SELECT d.state, coalesce(a.closed_at, d.decided_at) AS allowed_at, t.jti, t.key_id, t.issued_at, t.expires_at,
            k.revoked_at, a.state AS approval_state, EXISTS (SELECT FROM authorization_tokens c
                WHERE c.decision_id = d.id AND c.consumed_at IS NOT NULL) AS consumed
        FROM decisions d
        LEFT JOIN approvals a ON a.decision_id = d.id
        LEFT JOIN LATERAL (SELECT * FROM authorization_tokens t WHERE t.decision_id = d.id
            ORDER BY t.issued_at DESC LIMIT 1) t ON true
        LEFT JOIN signing_keys k ON k.key_id = t.key_id
        WHERE d.id = {} AND d.endpoint = {}
        """,
        decision_id,
        ENDPOINT,
    )
    if found is None or (found["state"] not in {"allowed", "approved", "held"} and not found["consumed"]):
        return None
    if found["consumed"]:
        return TokenStanding("consumed")
    if found["state"] == "held" and found["approval_state"] != "approved":
        return None
    if (hit := await kept_back(decision_id)) is not None:
        return TokenStanding("withheld", withheld_by=hit)
    if found["jti"] is not None and found["revoked_at"] is None and found["expires_at"] > now:
        return TokenStanding("issued", Token(found["jti"], found["key_id"], found["issued_at"], found["expires_at"]))
    return TokenStanding("issued" if now - found["allowed_at"] < ISSUED_WITHIN else "expired")


async def _token(jti: str, organization_id: str, mode: Mode) -> dict[str, Any]:
    """The token with its decision's state and the units it permits. Raises TokenUnknown."""
    found = await row(
        """
        SELECT t.*, d.state, d.amount_cents AS authorized, k.revoked_at, EXISTS (SELECT FROM authorization_tokens c
            WHERE c.decision_id = t.decision_id AND c.consumed_at IS NOT NULL) AS used
        FROM authorization_tokens t JOIN decisions d ON d.id = t.decision_id
        JOIN signing_keys k ON k.key_id = t.key_id
        WHERE t.jti = {} AND t.organization_id = {} AND t.mode = {}
        """,
        jti,
        organization_id,
        mode,
    )
    if found is None:
        raise TokenUnknown("There is no such token.")
    return found


async def _settled_in(decision_id: str) -> str:
    """The entry that holds the settlement of a decision's token: there is one."""
    sealed = await row(
        "SELECT entry_hash FROM ledger_entries WHERE decision_id = {} AND kind = 'token_settled'", decision_id
    )
    if sealed is None:
        raise RuntimeError(f"the settlement of {decision_id} was never sealed")
    return ledger_id(bytes(sealed["entry_hash"]))


async def _why_not(token: dict[str, Any], now: datetime) -> str | None:
    """The state that does not allow a token to be consumed."""
    if token["used"]:
        return "consumed"
    if token["revoked_at"] is not None:
        return "revoked"
    if token["expires_at"] <= now:
        return "expired"
    return None if token["state"] in {"allowed", "approved"} else str(token["state"])


_WORDS: Final = {
    "consumed": "A token of this decision was consumed already.",
    "revoked": "The key that signed this token was revoked.",
    "expired": "This token is over; ask for the authorization again with the same idempotency key.",
    "held": "This decision is held.",
    "denied": "This decision is denied.",
}


async def _now() -> datetime:
    found = await row("SELECT clock_timestamp() AS now")
    assert found is not None  # noqa: S101 - a SELECT without a table has a row
    now: datetime = found["now"]
    return now
