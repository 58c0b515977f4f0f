"""`/api/v1/authorizations`: what an agent asks for before it pays, and what its token is used for."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta

from api.auth import Caller, requires
from api.errors import InvalidBody, NotFound
from api.fields import decode
from api.intake.answer import Audit
from api.intake.authorization_answer import AuthorizationAnswer, authorization_answer
from api.intake.authorization_body import SHAPES, read_authorization
from api.intake.authorize import as_it_stands, authorize
from api.intake.own_tokens import check_own_token, check_settles
from api.json_body import read_object
from api.observation import request_id_of
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.waiting import WaitSeconds
from axiru.database import row
from axiru.domain.authorization import ENDPOINT
from ledger.acts.projection import read_request
from ledger.acts.token import Used, consume, settle_token

Units = Annotated[
    str, Meta(pattern="^(0|[1-9][0-9]{0,77})$(?!\\n)", description="Units of the asset, as a decimal string")
]


class SettlementBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What came of a consumed token. Settled without `amount_units`: all that was authorized was moved."""

    settlement: Literal["settled", "failed"]
    amount_units: Units | None = None


class TokenUse(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was used, and the entry that holds it."""

    jti: str
    decision_id: str
    at: datetime
    audit: Audit


@post(
    ENDPOINT,
    guards=[requires(Permission.AUTHORIZE)],
    status_code=200,
    operation_class=taking(*SHAPES),
    responses={
        200: ResponseSpec(AuthorizationAnswer, generate_examples=False, description="The decision, whatever it is")
    },
    security=BEARER,
    opt={"failure_code": "decision_failed"},
)
async def create_authorization(request: Request[Caller, Any, Any], wait_seconds: WaitSeconds = 0) -> Response[bytes]:
    """Decide whether an agent may pay; allowed, the answer carries a token. Repeating with the same key is safe."""
    services, caller = services_of(request), request.user
    asked = await read_authorization(await read_object(request), caller)
    answer = await authorize(asked, caller, services, request_id_of(request.scope), wait_seconds=wait_seconds)
    return Response(msgspec.json.encode(answer), status_code=200, media_type="application/json")


@get(ENDPOINT + "/{decision_id:str}", guards=[requires(Permission.AUTHORIZE)], security=BEARER)
async def get_authorization(
    request: Request[Caller, Any, Any], decision_id: str, wait_seconds: WaitSeconds = 0
) -> AuthorizationAnswer:
    """An authorization as it stands, with its token once people have approved it."""
    caller = request.user
    services = services_of(request)
    found = await row(
        "SELECT 1 AS there FROM decisions WHERE id = {} AND organization_id = {} AND mode = {} AND endpoint = {} "
        "AND initiator_id = coalesce({}, initiator_id)",
        decision_id,
        caller.organization_id,
        caller.key_mode,
        ENDPOINT,
        caller.agent_id,
    )
    if found is None:
        raise NotFound
    asked = await read_request(decision_id)
    receipt, standing = await as_it_stands(decision_id, caller, services, wait_seconds)
    return await authorization_answer(
        receipt, asked.ovt, asked.fingerprint, standing, services, organization_id=caller.organization_id, cached=False
    )


@post(ENDPOINT + "/{jti:str}/consume", guards=[requires(Permission.AUTHORIZE)], status_code=200, security=BEARER)
async def consume_token(request: Request[Caller, Any, Any], jti: str) -> TokenUse:
    """Use a token, once for its decision: settle only after a 200."""
    caller = request.user
    await check_own_token(jti, caller)
    return _use(
        await consume(
            jti,
            organization_id=caller.organization_id,
            mode=caller.key_mode,
            api_key_id=_key_of(caller),
            signer=services_of(request).signer,
        )
    )


@post(
    ENDPOINT + "/{jti:str}/settlement",
    guards=[requires(Permission.AUTHORIZE)],
    status_code=200,
    operation_class=taking(SettlementBody),
    security=BEARER,
)
async def settle_authorization(request: Request[Caller, Any, Any], jti: str) -> TokenUse:
    """Say what came of a consumed token: its budget is committed for what was moved, or released."""
    caller = request.user
    body = decode(await read_object(request), SettlementBody)
    units = int(body.amount_units) if body.amount_units is not None else None
    if body.settlement == "failed" and units is not None:
        raise InvalidBody.single("amount_units", "not_allowed", "Of what failed nothing was moved: leave this out.")
    await check_settles(jti, body.settlement, units, caller)
    return _use(
        await settle_token(
            jti,
            body.settlement,
            units,
            organization_id=caller.organization_id,
            mode=caller.key_mode,
            api_key_id=_key_of(caller),
            signer=services_of(request).signer,
        )
    )


def _key_of(caller: Caller) -> str:
    if caller.api_key_id is None:
        raise RuntimeError("a log-in asked for what only keys do")
    return caller.api_key_id


def _use(used: Used) -> TokenUse:
    return TokenUse(jti=used.jti, decision_id=used.decision_id, at=used.at, audit=Audit(used.at, used.ledger_id))
