"""The tools: what each takes and answers, who may use it, and the intake of the HTTP API that it goes through."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from mcp.types import ToolAnnotations
from msgspec import Meta

from api.auth import Caller
from api.fields import decode
from api.intake.answer import DecisionAnswer, decision_answer
from api.intake.authorization_answer import AuthorizationAnswer
from api.intake.authorization_body import SHAPES, read_authorization
from api.intake.authorize import authorize
from api.intake.decide import decide
from api.intake.decision_body import DecisionBody, read_decision
from api.intake.text import Identifier
from api.mcp.schemas import merged_schema, schema_of
from api.permissions import Permission
from api.services import Services
from api.views.decision import find_decision
from api.views.decision_detail import DecisionDetail, decision_detail
from api.waiting import until_settled


class Call(NamedTuple):
    """One call of a tool: nothing of it has been read yet but that it is a JSON object."""

    arguments: Mapping[str, Any]
    caller: Caller
    services: Services
    request_id: str


class Tool(NamedTuple):
    """`run` raises AxiruError as the HTTP API's endpoint does."""

    name: str
    title: str
    description: str
    permission: Permission
    annotations: ToolAnnotations
    takes: dict[str, Any]
    answers: dict[str, Any]
    run: Callable[[Call], Awaitable[msgspec.Struct]]


class DecisionLookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which decision, and for how long to wait until nothing more will happen to it by itself."""

    decision_id: Identifier
    wait_seconds: Annotated[int, Meta(ge=0, le=60)] = 0


async def _create_decision(call: Call) -> DecisionAnswer:
    asked = read_decision(call.arguments, call.caller)
    return decision_answer(await decide(asked, call.caller, call.services, call.request_id), "integration", None)


async def _create_authorization(call: Call) -> AuthorizationAnswer:
    asked = await read_authorization(call.arguments, call.caller)
    return await authorize(asked, call.caller, call.services, call.request_id)


async def _get_decision(call: Call) -> DecisionDetail:
    wanted, caller = decode(call.arguments, DecisionLookup), call.caller
    found = await find_decision(wanted.decision_id, caller.organization_id, caller.mode)
    if wanted.wait_seconds:
        await until_settled(wanted.decision_id, caller.organization_id, wanted.wait_seconds, call.services)
        found = await find_decision(wanted.decision_id, caller.organization_id, caller.mode)
    return await decision_detail(found, caller, "integration")


# Asking again with the same idempotency_key changes nothing; what was decided can move money, and Axiru may move it.
_ASKS: Final = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True)
_READS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)

TOOLS: Final = (
    Tool(
        "axiru.decisions.create",
        "Ask before money moves",
        "Ask whether a refund, payout, transfer or other movement on Stripe may happen, before it does. `outcome` is "
        "allow, review or deny. Go on only after allow. After review people decide: wait with axiru.decisions.get "
        "until `state` is approved. After deny do not try another way. Retry with the same idempotency_key.",
        Permission.DECIDE,
        _ASKS,
        schema_of(DecisionBody),
        schema_of(DecisionAnswer),
        _create_decision,
    ),
    Tool(
        "axiru.authorizations.create",
        "Ask before an agent pays",
        "Ask whether an agent may pay on stripe_daa, x402 or ap2. `outcome` is allow, deny or quarantine. Allow comes "
        "with an authorization_token, valid for minutes, for the code that settles: without one nothing may be paid. "
        "After quarantine people decide: wait with axiru.decisions.get, then ask again with the same body and "
        "idempotency_key for the token.",
        Permission.AUTHORIZE,
        _ASKS,
        merged_schema(SHAPES),
        schema_of(AuthorizationAnswer),
        _create_authorization,
    ),
    Tool(
        "axiru.decisions.get",
        "Look up a decision",
        "One decision of this organization by its id: `state`, the approval, the execution, the timeline and the "
        "ledger's entries. With wait_seconds it answers once nothing more will happen by itself, or the time is over.",
        Permission.READ,
        _READS,
        schema_of(DecisionLookup),
        schema_of(DecisionDetail),
        _get_decision,
    ),
)
