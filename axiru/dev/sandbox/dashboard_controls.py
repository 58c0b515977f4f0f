"""`/_sandbox` controls for what happens on an account without Axiru: in the dashboard, at banks, at Stripe."""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Response, post
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler

from axiru.dev.sandbox.answers import Answer, Document, ok
from axiru.dev.sandbox.api_versions import in_version
from axiru.dev.sandbox.books import API_VERSION
from axiru.dev.sandbox.dashboard import Dashboard, Move, NewDispute
from axiru.dev.sandbox.refusals import StripeRefusal


class DashboardAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operation of the API with its parameters as JSON, such as POST `/v1/refunds` with `{"charge": …}`."""

    path: str
    params: dict[str, Any] = {}
    method: str = "POST"
    account: str | None = None


class Funding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is put into an account's balance, in the currency's smallest unit; negative to take out."""

    amount: int
    currency: str
    account: str | None = None


class Review(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a reviewer decides an approval request."""

    approved: bool
    reason: str | None = None
    account: str | None = None


class ToldEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event of any type about any object, as an older version showed it, with unknown fields in `extra`."""

    type: str
    object: dict[str, Any]
    previous_attributes: dict[str, Any] | None = None
    api_version: str = API_VERSION
    extra: dict[str, Any] = {}
    created: int | None = None
    id: str | None = None
    account: str | None = None


def dashboard_routes(dashboard: Dashboard) -> list[HTTPRouteHandler]:
    """Each answers with the object it made or moved, or with Stripe's refusal."""

    @post("/_sandbox/dashboard")
    async def act(data: DashboardAct) -> Response[bytes]:
        return _answer(lambda: dashboard.do(data.method, data.path, data.params, account=data.account))

    @post("/_sandbox/disputes")
    async def dispute(data: NewDispute) -> Response[bytes]:
        return _answer(lambda: dashboard.dispute(data))

    @post("/_sandbox/balance")
    async def fund(data: Funding) -> Response[bytes]:
        return _answer(lambda: dashboard.fund(data.amount, data.currency.lower(), account=data.account))

    @post("/_sandbox/objects/{object_id:str}")
    async def move(object_id: str, data: Move) -> Response[bytes]:
        return _answer(lambda: dashboard.move(object_id, data))

    @post("/_sandbox/approval_requests/{approval_id:str}")
    async def review(approval_id: str, data: Review) -> Response[bytes]:
        decide = dashboard.approve if data.approved else dashboard.reject
        return _answer(lambda: decide(approval_id, reason=data.reason, account=data.account))

    @post("/_sandbox/events")
    async def tell(data: ToldEvent) -> Response[bytes]:
        about = in_version(data.object, data.api_version) | data.extra
        previous = {} if data.previous_attributes is None else {"previous_attributes": data.previous_attributes}
        given = {"api_version": data.api_version, "created": data.created, "id": data.id}
        facts = {name: value for name, value in given.items() if value is not None}
        return _answer(lambda: dashboard.tell(data.type, {"object": about} | previous, facts, account=data.account))

    @post("/_sandbox/events/{event_id:str}/resend")
    async def resend(event_id: str) -> Response[bytes]:
        return _answer(lambda: dashboard.resend(event_id))

    return [act, dispute, fund, move, review, tell, resend]


def _answer(do: Callable[[], Document]) -> Response[bytes]:
    answer: Answer
    try:
        answer = ok(do())
    except StripeRefusal as refusal:
        answer = refusal.answer()
    return Response(answer.body, status_code=answer.status, media_type=MediaType.JSON)
