"""Wallet policies: `POST /webhooks/wallet-policy/{id}`, where a wallet asks whether it may sign, and their setting up.

What is asked comes signed by Standard Webhooks and is decided as an authorization of the policy's agent. Nothing but
`"decision": "allow"` in a 200 is leave to sign; the token behind it is consumed by then.
"""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, delete, get, post
from msgspec import UNSET, Meta, UnsetType

from api.auth import Caller, admit, identify, require_mode, requires
from api.errors import InvalidBody, NotFound
from api.fields import decode
from api.intake.authorization_body import read_authorization
from api.intake.decide import decide
from api.intake.text import Identifier, ShortText
from api.intake.wallet_request import UnsupportedRequest, requirements_in
from api.json_body import parse_strictly, read_bytes, read_object
from api.observation import request_id_of
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.received_once import Received, keep_answer, received_before
from api.services import Services, services_of
from api.wallet_signature import SignedRequest, signed_request
from api.webhook_signature import new_secret
from axiru import ids
from axiru.database import rows
from axiru.domain.decision import authorization_outcome
from axiru.domain.movement import Mode
from ledger.acts.api_key import WantedKey, make_key, revoke_key
from ledger.acts.lineage import find_line
from ledger.acts.projection import receipt_of
from ledger.acts.token import TokenNotUsable, consume, token_of
from ledger.acts.wallet_policy import WantedWalletPolicy, create_wallet_policy, key_of, secret_context

_LONGEST_REQUEST_ID: Final = 200
_SCOPES: Final = frozenset({"authorizations:write"})


class WalletPolicyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`agent` is the registered agent in whose name the wallet asks, by either of its ids."""

    name: ShortText
    agent: Identifier
    mode: Mode | None = None


class WalletPolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet policy. Its wallet asks at `/webhooks/wallet-policy/{id}`."""

    id: str
    mode: Mode
    name: str
    agent_id: str
    api_key_id: str
    created_at: datetime
    revoked_at: datetime | None


class WalletPolicyWithSecret(WalletPolicyView, frozen=True, kw_only=True):
    """`secret` is shown here and nowhere else."""

    secret: str


class WalletPolicyList(msgspec.Struct, frozen=True):
    items: list[WalletPolicyView]


class WalletRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be signed, said one way: `payment_requirements`, `typed_data`, or `method` with `params`."""

    # Only described by this: what is not understood is no error here, but denied.
    payment_requirements: dict[str, Any] | UnsetType = UNSET
    typed_data: dict[str, Any] | UnsetType = UNSET
    method: Literal["eth_signTypedData_v4"] | UnsetType = UNSET
    params: dict[str, Any] | UnsetType = UNSET
    resource: dict[str, Any] | UnsetType = UNSET
    request_id: Annotated[str, Meta(min_length=1, max_length=_LONGEST_REQUEST_ID)] | UnsetType = UNSET


class WalletAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether to sign. A request that people are asked about is denied for now: once they have approved, asking for the
    same again is allowed. `jti` names the token that was consumed, for reporting what was settled."""

    decision: Literal["allow", "deny"]
    reason: str
    message: str
    decision_id: str | None = None
    approval_id: str | UnsetType = UNSET
    jti: str | UnsetType = UNSET


@post(
    "/api/v1/wallet-policies",
    guards=[requires(Permission.KEYS)],
    status_code=201,
    operation_class=taking(WalletPolicyBody),
    security=BEARER,
)
async def create_policy_of_wallet(request: Request[Caller, Any, Any]) -> WalletPolicyWithSecret:
    """Let a wallet ask in the name of an agent, with a key of its own: revoking that key ends the policy, too."""
    caller, services = request.user, services_of(request)
    body = decode(await read_object(request), WalletPolicyBody)
    require_mode(Permission.KEYS, caller, body.mode)
    mode = caller.mode or body.mode
    if mode is None:
        raise InvalidBody.single("mode", "missing", "A log-in says which mode this is for.")
    wanted = WantedKey(
        name=f"Wallet policy: {body.name}"[:100],
        mode=mode,
        scopes=_SCOPES,
        owner_member_id=caller.member_id,
        rate_per_minute=None,
        outcome_style="reference",
        expires_at=None,
        agent=body.agent,
    )
    whose: dict[str, Any] = {"organization_id": caller.organization_id, "signer": services.signer}
    made = await make_key(wanted, by_member_id=caller.member_id, **whose)
    policy_id, secret = ids.new_id(ids.WALLET_POLICY), new_secret()
    context = secret_context(caller.organization_id, policy_id)
    sealed = services.vault.seal(f"{secret}\n{made.secret}".encode(), context=context)
    policy = WantedWalletPolicy(id=policy_id, mode=mode, name=body.name, api_key_id=made.id, secret_ciphertext=sealed)
    await create_wallet_policy(policy, member_id=caller.member_id, **whose)
    (shown,) = [one for one in await _policies(caller) if one.id == policy_id]
    return WalletPolicyWithSecret(**msgspec.structs.asdict(shown), secret=secret)


@get("/api/v1/wallet-policies", guards=[requires(Permission.KEYS)], security=BEARER)
async def list_policies_of_wallets(request: Request[Caller, Any, Any]) -> WalletPolicyList:
    """Every wallet policy, newest first."""
    return WalletPolicyList(await _policies(request.user))


@delete("/api/v1/wallet-policies/{policy_id:str}", guards=[requires(Permission.KEYS)], status_code=204, security=BEARER)
async def revoke_policy_of_wallet(request: Request[Caller, Any, Any], policy_id: str) -> None:
    """Refuse everything that this wallet asks from now on."""
    caller = request.user
    key_id = await key_of(policy_id, caller.organization_id)
    if key_id is None:
        raise NotFound
    await revoke_key(
        key_id,
        organization_id=caller.organization_id,
        by_member_id=caller.member_id,
        modes=caller.modes,
        signer=services_of(request).signer,
    )


@post("/webhooks/wallet-policy/{policy_id:str}", status_code=200, operation_class=taking(WalletRequest))
async def ask_by_wallet(request: Request[Any, Any, Any], policy_id: str) -> WalletAnswer:
    """May this be signed? A message that comes again gets the first answer; what is not understood is denied."""
    services = services_of(request)
    raw = await read_bytes(request)
    message = await signed_request(policy_id, raw, request.headers, services.vault)
    caller = await identify(message.api_key, services)
    await admit(caller, Permission.AUTHORIZE, services)
    asked = Received(about=policy_id, body_sha256=hashlib.sha256(raw).hexdigest())
    before = await received_before(message.door, message.id, asked)
    if before is not None:
        return msgspec.convert(before, WalletAnswer)
    answer = await _answer(parse_strictly(raw), message, caller, services, request_id_of(request.scope))
    await keep_answer(message.door, message.id, asked, msgspec.to_builtins(answer))
    return answer


async def _answer(
    value: Any, message: SignedRequest, caller: Caller, services: Services, request_id: str
) -> WalletAnswer:
    try:
        body = await _authorization(value, message, caller)
    except UnsupportedRequest as refused:
        return WalletAnswer(decision="deny", reason=refused.code, message=refused.message)
    decided = await decide(await read_authorization(body, caller), caller, services, request_id)
    decision_id = decided.receipt.decision_id
    whose: dict[str, Any] = {"organization_id": caller.organization_id, "mode": caller.key_mode}
    standing = await token_of(decision_id, signer=services.signer, **whose)
    receipt = await receipt_of(decision_id)
    outcome = authorization_outcome(receipt.outcome, receipt.state, receipt.approval_id)
    denied = WalletAnswer(
        decision="deny",
        reason=f"axiru.{outcome}.{receipt.reason}",
        message=receipt.message,
        decision_id=decision_id,
        approval_id=receipt.approval_id or UNSET,
    )
    if outcome != "allow":
        return denied
    if standing is None or standing.token is None or caller.api_key_id is None:
        status = standing.status if standing else "none"
        return msgspec.structs.replace(denied, reason=f"token_{status}", message="There is no token to use for this.")
    jti = standing.token.jti
    try:
        await consume(jti, api_key_id=caller.api_key_id, signer=services.signer, **whose)
    except TokenNotUsable as refused:
        return msgspec.structs.replace(denied, reason="token_not_usable", message=refused.message)
    return msgspec.structs.replace(denied, decision="allow", jti=jti)


async def _authorization(value: Any, message: SignedRequest, caller: Caller) -> dict[str, Any]:
    """The body of an authorization that says the same, under all scopes of the agent. Raises UnsupportedRequest.

    Asking for the same again is the same request: by the wallet's own `request_id`, or else by what is to be signed,
    where that holds a nonce, or else by the message.
    """
    if not isinstance(value, dict):
        raise UnsupportedRequest("A request to sign is a JSON object.")
    unknown = set(value) - {"payment_requirements", "typed_data", "method", "params", "resource", "request_id"}
    if unknown:
        raise UnsupportedRequest(f"This is not known here: {sorted(unknown)[0]!a}.")
    request_id = value.get("request_id")
    if "request_id" in value:
        if not isinstance(request_id, str) or not 1 <= len(request_id) <= _LONGEST_REQUEST_ID:
            raise UnsupportedRequest(f"request_id is a text of up to {_LONGEST_REQUEST_ID} characters.")
        identity = request_id
    elif "payment_requirements" in value:
        identity = message.id
    else:
        identity = hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
    line = await find_line(caller.organization_id, caller.agent_id or "")
    scopes = line.effective_scopes if line is not None else ()
    body = {
        "rail": "x402",
        "rail_action": "payment",
        "initiator": {"kind": "agent", "id": caller.agent_id, "scopes": list(scopes)},
        "payment_requirements": requirements_in(value, datetime.now(UTC)),
        "idempotency_key": f"{message.policy_id}:{identity}"[:255],
    }
    return body | ({"resource": value["resource"]} if "resource" in value else {})


async def _policies(caller: Caller) -> list[WalletPolicyView]:
    found = await rows(
        """
        SELECT w.id, w.mode, w.name, a.agent_id, w.api_key_id, w.created_at, k.revoked_at
        FROM wallet_policies w JOIN api_keys k ON k.id = w.api_key_id JOIN agents a ON a.id = k.agent
        WHERE w.organization_id = {} AND w.mode = ANY({}::text[]) ORDER BY w.created_at DESC, w.id DESC
        """,
        caller.organization_id,
        caller.modes,
    )
    return [msgspec.convert(one, WalletPolicyView) for one in found]
