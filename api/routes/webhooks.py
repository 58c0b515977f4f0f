"""`/api/v1/webhooks`: where webhooks go, their secrets, and whose votes come back signed with them."""

from datetime import timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, delete, get, patch, post
from msgspec import Meta

from api.auth import Caller, InsufficientScope, require_mode, requires
from api.errors import InvalidBody, NotFound
from api.fields import decode
from api.json_body import read_object, read_optional_object
from api.openapi import BEARER, taking
from api.permissions import SCOPE_OF, Permission
from api.services import services_of
from api.views.delivery import DeliveryView, find_delivery
from api.views.webhook import EndpointList, EndpointView, EndpointWithSecret, find_endpoint, find_endpoints
from api.webhook_signature import new_secret
from axiru import ids
from axiru.database import row
from axiru.domain.movement import Mode
from axiru.domain.webhook_events import SUBSCRIPTIONS
from axiru.domain.webhook_target import LONGEST_URL, parse_target
from axiru.errors import AxiruError
from ledger.acts import webhook_endpoint
from ledger.acts.vote import NotEligible

_MOST_HOURS: Final = 7 * 24

Url = Annotated[str, Meta(min_length=1, max_length=LONGEST_URL)]
Events = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(min_length=1, max_length=64)]
Description = Annotated[str, Meta(max_length=500)]


class EndpointBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`events` names events, families of them (`approval.*`) or `*`. `votes_as_me`: votes come back as the caller's."""

    url: Url
    events: Events
    mode: Mode
    description: Description = ""
    votes_as_me: bool = False


class EndpointChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays. `votes_as_me` can only be ended here, by the member or by an admin."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: bool | None = None
    votes_as_me: bool | None = None


class RotateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`votes_as_me`: from now on votes come in as the caller's; left out, that stays only for whom it was before."""

    keep_previous_hours: Annotated[int, Meta(ge=0, le=_MOST_HOURS)] = 24
    votes_as_me: bool | None = None


class SecretIsShared(AxiruError):
    """Whoever was shown the secret could vote as somebody who was not."""

    code = "conflict"


class EndpointDisabled(AxiruError):
    """Nothing is sent to an endpoint that is disabled."""

    code = "conflict"


@post(
    "/api/v1/webhooks",
    guards=[requires(Permission.WEBHOOKS)],
    status_code=201,
    operation_class=taking(EndpointBody),
    security=BEARER,
)
async def create_webhook(request: Request[Caller, Any, Any]) -> EndpointWithSecret:
    """Set up an endpoint. It is told what happens from now on; its secret is in this answer and nowhere else."""
    caller, services = request.user, services_of(request)
    body = decode(await read_object(request), EndpointBody)
    require_mode(Permission.WEBHOOKS, caller, body.mode)
    if body.votes_as_me:
        _check_logged_in(caller)
    parse_target(body.url, insecure=services.settings.webhook_insecure_targets)
    _check_events(body.events)
    endpoint_id, secret = ids.new_id(ids.WEBHOOK_ENDPOINT), new_secret()
    await webhook_endpoint.create_endpoint(
        webhook_endpoint.WantedEndpoint(
            id=endpoint_id,
            mode=body.mode,
            url=body.url,
            description=body.description,
            events=sorted(set(body.events)),
            secret_ciphertext=_sealed(request, endpoint_id, secret),
            votes_as=caller.member_id if body.votes_as_me else None,
        ),
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services.signer,
    )
    return _with_secret(await find_endpoint(endpoint_id, caller.organization_id, caller.modes), secret)


@get("/api/v1/webhooks", guards=[requires(Permission.READ)], security=BEARER)
async def list_webhooks(request: Request[Caller, Any, Any]) -> EndpointList:
    """Every endpoint, newest first: for whoever sets them up, and for members who may let one vote for them."""
    caller = request.user
    if not _may_let_vote(caller):
        _require_webhooks(caller)
    return await find_endpoints(caller.organization_id, caller.modes)


@patch(
    "/api/v1/webhooks/{endpoint_id:str}",
    guards=[requires(Permission.READ)],
    operation_class=taking(EndpointChangeBody),
    security=BEARER,
)
async def change_webhook(request: Request[Caller, Any, Any], endpoint_id: str) -> EndpointView:
    """Change an endpoint. Votes that come in through it can be ended here, and begin with a rotation."""
    caller, services = request.user, services_of(request)
    body = decode(await read_object(request), EndpointChangeBody)
    shown = await _shown(request, endpoint_id)
    own_votes = shown.votes_as is not None and shown.votes_as.id == caller.member_id and _logged_in(caller)
    if body != EndpointChangeBody(votes_as_me=False) or not own_votes:
        _require_webhooks(caller)
    if body.votes_as_me:
        raise SecretIsShared(
            "Whoever knows this secret could vote as you. Rotate it with votes_as_me: you alone are shown the new one."
        )
    if body.url is not None:
        parse_target(body.url, insecure=services.settings.webhook_insecure_targets)
    _check_events(body.events or [])
    await webhook_endpoint.change_endpoint(
        shown.id,
        webhook_endpoint.EndpointChange(
            url=body.url,
            description=body.description,
            events=sorted(set(body.events)) if body.events else None,
            enabled=body.enabled,
            ends_votes=body.votes_as_me is False,
        ),
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services.signer,
    )
    return await _shown(request, shown.id)


@post(
    "/api/v1/webhooks/{endpoint_id:str}/rotate",
    guards=[requires(Permission.READ)],
    status_code=200,
    operation_class=taking(RotateBody, required=False),
    security=BEARER,
)
async def rotate_webhook(request: Request[Caller, Any, Any], endpoint_id: str) -> EndpointWithSecret:
    """Make a new secret, shown in this answer alone. For `keep_previous_hours` messages carry both signatures."""
    caller = request.user
    body = decode(await read_optional_object(request), RotateBody)
    shown = await _shown(request, endpoint_id)
    voted = shown.votes_as is not None and shown.votes_as.id == caller.member_id and _logged_in(caller)
    votes = voted if body.votes_as_me is None else body.votes_as_me
    if votes:
        _check_logged_in(caller)
    if not (votes and _may_let_vote(caller)):
        _require_webhooks(caller)
    secret = new_secret()
    await webhook_endpoint.rotate_endpoint(
        shown.id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        secret_ciphertext=_sealed(request, shown.id, secret),
        keep_previous=timedelta(hours=body.keep_previous_hours),
        votes_as_member=votes,
        signer=services_of(request).signer,
    )
    return _with_secret(await _shown(request, shown.id), secret)


@post(
    "/api/v1/webhooks/{endpoint_id:str}/ping",
    guards=[requires(Permission.WEBHOOKS)],
    status_code=202,
    security=BEARER,
)
async def ping_webhook(request: Request[Caller, Any, Any], endpoint_id: str) -> DeliveryView:
    """Send a `ping`, whatever the endpoint asked to be told; the answer names the delivery."""
    caller = request.user
    shown = await _shown(request, endpoint_id)
    if shown.disabled_at is not None:
        raise EndpointDisabled("This endpoint is disabled.", state="disabled")
    delivery_id = ids.new_id(ids.DELIVERY)
    await row(
        """
        INSERT INTO deliveries (id, organization_id, mode, channel, target, event, body, dedupe, state,
            next_attempt_at, created_at)
        SELECT {}, {}, {}, 'webhook', {}, 'ping', jsonb_build_object('at', now, 'told', jsonb_build_object()), {},
            'pending', now, now FROM clock_timestamp() AS now
        """,
        delivery_id,
        caller.organization_id,
        shown.mode,
        shown.id,
        f"ping/{delivery_id}",
    )
    return await find_delivery(delivery_id, caller.organization_id, [shown.mode])


@delete("/api/v1/webhooks/{endpoint_id:str}", guards=[requires(Permission.WEBHOOKS)], security=BEARER)
async def remove_webhook(request: Request[Caller, Any, Any], endpoint_id: str) -> None:
    """Tell this endpoint nothing more, and take no votes from it."""
    caller = request.user
    shown = await _shown(request, endpoint_id)
    await webhook_endpoint.remove_endpoint(
        shown.id,
        organization_id=caller.organization_id,
        member_id=caller.member_id,
        signer=services_of(request).signer,
    )


async def _shown(request: Request[Caller, Any, Any], endpoint_id: str) -> EndpointView:
    """Raises NotFound, to whoever may see no endpoints as well."""
    caller = request.user
    if Permission.WEBHOOKS not in caller.permissions and not _may_let_vote(caller):
        raise NotFound
    return await find_endpoint(endpoint_id, caller.organization_id, caller.modes)


def _logged_in(caller: Caller) -> bool:
    return caller.api_key_id is None


def _may_let_vote(caller: Caller) -> bool:
    return _logged_in(caller) and Permission.VOTE in caller.permissions


def _check_logged_in(caller: Caller) -> None:
    if not _logged_in(caller):
        raise NotEligible("Only a member who is logged in lets a webhook vote for them, never a key.", because="key")


def _require_webhooks(caller: Caller) -> None:
    if Permission.WEBHOOKS not in caller.permissions:
        raise InsufficientScope(SCOPE_OF[Permission.WEBHOOKS])


def _check_events(events: list[str]) -> None:
    unknown = sorted(set(events) - SUBSCRIPTIONS)
    if unknown:
        raise InvalidBody.single("events", "not_allowed", f"There is no event {unknown[0]!a}.")


def _sealed(request: Request[Caller, Any, Any], endpoint_id: str, secret: str) -> bytes:
    context = webhook_endpoint.secret_context(request.user.organization_id, endpoint_id)
    return services_of(request).vault.seal(secret.encode(), context=context)


def _with_secret(shown: EndpointView, secret: str) -> EndpointWithSecret:
    return EndpointWithSecret(**msgspec.structs.asdict(shown), secret=secret)
