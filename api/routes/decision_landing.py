"""`POST /api/decision`: the short form of the product page, with the key in the body."""

from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.openapi.datastructures import ResponseSpec

from api.auth import admit, identify
from api.deadline import within
from api.intake.answer import LandingAnswer, landing_answer
from api.intake.connections import currency_of
from api.intake.decide import decide
from api.intake.landing_body import ENDPOINT, LandingBodyWithKey, key_in, read_landing
from api.intake.vocabulary import HEADER, chosen_style
from api.json_body import read_object
from api.observation import request_id_of
from api.openapi import taking
from api.permissions import Permission
from api.services import services_of


@post(
    ENDPOINT,
    status_code=200,
    operation_class=taking(LandingBodyWithKey),
    responses={
        200: ResponseSpec(LandingAnswer, generate_examples=False, description="The decision, whatever its outcome")
    },
    opt={"failure_code": "decision_failed"},
)
async def create_landing_decision(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Decide, by the same engine as `/api/v1/decisions`. Without an idempotency_key every request is a new one."""
    services = services_of(request)
    raw = await read_object(request)
    caller = await within(services.settings.decide_timeout_seconds, identify(key_in(raw), services))
    await admit(caller, Permission.DECIDE, services)
    style = chosen_style(request.headers.get(HEADER), caller)
    asked = read_landing(raw, caller, await currency_of(raw.get("stripe_connection_id"), caller))
    decided = await decide(asked, caller, services, request_id_of(request.scope))
    answer = landing_answer(decided, style)
    return Response(msgspec.json.encode(answer), status_code=200, media_type="application/json")
