"""`/api/v1/decisions`: ask for a decision, look one up, list them."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from api.auth import Caller, requires
from api.errors import InvalidBody
from api.intake.answer import DecisionAnswer, decision_answer
from api.intake.decide import decide
from api.intake.decision_body import DecisionBody, read_decision
from api.intake.vocabulary import from_word, style_for
from api.json_body import read_object
from api.observation import request_id_of
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.views.decision import DecisionFilter, DecisionPage, decision_view, find_decision, find_decisions
from api.views.decision_detail import DecisionDetail, decision_detail
from api.views.decision_window import WindowWanted
from api.views.page import Cursor, CursorText, Limit, ModeFilter
from api.waiting import WaitSeconds, until_settled
from axiru.domain.decision import FINAL_STATES, DecisionState, SurfaceMode
from ledger.acts.in_force import forbidden_now
from ledger.acts.projection import receipt_of


@post(
    "/api/v1/decisions",
    guards=[requires(Permission.DECIDE)],
    status_code=200,
    operation_class=taking(DecisionBody),
    responses={
        200: ResponseSpec(DecisionAnswer, generate_examples=False, description="The decision, whatever its outcome")
    },
    security=BEARER,
    opt={"failure_code": "decision_failed"},
)
async def create_decision(request: Request[Caller, Any, Any], wait_seconds: WaitSeconds = 0) -> Response[bytes]:
    """Decide whether a refund or another movement may happen. Repeating with the same idempotency_key is safe."""
    services, caller = services_of(request), request.user
    style = style_for(request)
    asked = read_decision(await read_object(request), caller)
    decided = await decide(asked, caller, services, request_id_of(request.scope))
    execution = None
    if wait_seconds:
        decision_id = decided.receipt.decision_id
        await until_settled(decision_id, caller.organization_id, wait_seconds, services)
        receipt = await receipt_of(decision_id)
        forbidden = None if receipt.state in FINAL_STATES else await forbidden_now(decision_id)
        decided = decided._replace(receipt=receipt, forbidden=forbidden)
        execution = decision_view(
            await find_decision(decision_id, caller.organization_id, caller.mode), style
        ).execution
    answer = decision_answer(decided, style, execution)
    return Response(msgspec.json.encode(answer), status_code=200, media_type="application/json")


@get("/api/v1/decisions", guards=[requires(Permission.READ)], security=BEARER)
async def list_decisions(
    request: Request[Caller, Any, Any],
    wanted_state: Annotated[DecisionState | None, QueryParameter(name="state")] = None,
    outcome: str | None = None,
    surface_mode: Annotated[
        SurfaceMode | None,
        QueryParameter(description="With `window`, in which it counts; then it is enforce by default"),
    ] = None,
    source: str | None = None,
    customer_id: str | None = None,
    charge: str | None = None,
    rail: str | None = None,
    rail_action: str | None = None,
    initiator_id: Annotated[str | None, QueryParameter(description="Who asked: an agent, or an API key")] = None,
    text: Annotated[
        str | None, QueryParameter(name="q", max_length=200, description="Looked for in ids and reasons")
    ] = None,
    disagrees: Annotated[
        bool | None, QueryParameter(description="Whether a version that looked on would have said something else")
    ] = None,
    bypass: Annotated[
        bool | None, QueryParameter(description="Whether it was made on Stripe without asking, or was asked for")
    ] = None,
    window: Annotated[
        str | None,
        QueryParameter(
            max_length=1_000,
            description="The `window` of a budget: those that count in it now, and what they add up to",
        ),
    ] = None,
    subject: Annotated[
        str | None,
        QueryParameter(max_length=255, pattern=r"^[^\x00]*$", description="Whose window, as the budget says"),
    ] = None,
    mode: ModeFilter = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> DecisionPage:
    """Decisions, newest first. A key sees those of its own mode."""
    caller = request.user
    wanted_outcome = from_word(outcome) if outcome is not None else None
    if outcome is not None and wanted_outcome is None:
        raise InvalidBody.single("outcome", "not_allowed", "This is not an outcome.")
    if subject and not window:
        raise InvalidBody.single("window", "missing", "Name the window of this subject.")
    return await find_decisions(
        caller.organization_id,
        caller.shown_mode(mode),
        DecisionFilter(
            state=wanted_state,
            outcome=wanted_outcome,
            surface_mode=None if window else surface_mode,
            source=source,
            customer_id=customer_id,
            charge=charge,
            text=text,
            disagrees=disagrees,
            bypass=bypass,
            rail=rail,
            rail_action=rail_action,
            initiator_id=initiator_id,
            window=WindowWanted.of(window, subject or None, surface_mode) if window else None,
        ),
        limit=limit,
        after=Cursor.parse(cursor) if cursor else None,
        style=style_for(request),
    )


@get("/api/v1/decisions/{decision_id:str}", guards=[requires(Permission.READ)], security=BEARER)
async def get_decision(
    request: Request[Caller, Any, Any], decision_id: str, wait_seconds: WaitSeconds = 0
) -> DecisionDetail:
    """One decision with its timeline, approval, execution and ledger entries."""
    caller = request.user
    found = await find_decision(decision_id, caller.organization_id, caller.mode)
    if wait_seconds:
        await until_settled(decision_id, caller.organization_id, wait_seconds, services_of(request))
        found = await find_decision(decision_id, caller.organization_id, caller.mode)
    return await decision_detail(found, caller, style_for(request))
