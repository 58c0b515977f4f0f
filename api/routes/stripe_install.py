"""`/stripe/install` and `/stripe/callback`: connect a Stripe account by OAuth; `/permissions`: what is asked for.

Whoever finishes has to be in the browser that began: its cookie and Stripe's state are compared, once and in time. So
nobody's account is connected by an answer of Stripe's that was carried into another browser. Who opens a link that they
did not make is asked first: the account they choose would be connected to somebody else's organization.
"""

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import MediaType

from api.auth import Caller, Guard, InsufficientScope, require_mode, requires
from api.errors import InvalidBody, refusal
from api.fields import decode
from api.forms import read_form
from api.html_page import notice_page, shown
from api.json_body import read_object
from api.openapi import BEARER, taking
from api.permissions import Permission
from api.services import services_of
from api.stripe_connecting import connect_account
from api.stripe_pages import GRANTING, begin_page, confirm_page, connected_page, permissions_page
from axiru import stripe_installs
from axiru.domain.movement import Mode
from axiru.domain.stripe_permissions import PERMISSIONS, StripePermission
from axiru.errors import AxiruError, ConfigurationInvalid
from axiru.settings import Settings
from axiru.stripe_oauth import app_key, client_id

PER_MINUTE: Final = 600
"""Requests from one address. Nothing can be guessed; this keeps who tries from keeping the database busy."""
COOKIE: Final = "axiru_stripe_install"
_PATH: Final = "/stripe"
_OWN_SITE: Final = frozenset({"same-origin", "same-site"})
_LONGEST_SECRET: Final = 256


class NotSetUp(AxiruError):
    """This installation of Axiru has no Stripe App for the mode."""

    code = "conflict"


class Declined(AxiruError):
    """Stripe sent the browser back without a code."""

    code = "conflict"


class InstallBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Test and live accounts are connected apart. A key connects accounts of its own mode."""

    mode: Mode


class InstallAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes; good once and until `expires_at`, for the member who asked."""

    url: str
    expires_at: datetime


class PermissionList(msgspec.Struct, frozen=True, kw_only=True):
    """Every permission of the Stripe App, and in `granting` what Axiru's own grants do beside Stripe's."""

    granting: str
    permissions: tuple[StripePermission, ...]


@post(
    "/api/v1/connections/install",
    guards=[requires(Permission.CONNECTIONS)],
    status_code=201,
    operation_class=taking(InstallBody),
    security=BEARER,
)
async def begin_install(request: Request[Caller, Any, Any]) -> InstallAnswer:
    """A link that takes a browser to Stripe to connect an account."""
    body = decode(await read_object(request), InstallBody)
    ticket = await _begun(request, body.mode)
    url = f"{services_of(request).settings.issuer}{_PATH}/install?{urlencode({'ticket': ticket.ticket})}"
    return InstallAnswer(url=url, expires_at=ticket.expires_at)


@get(f"{_PATH}/install")
async def show_install(request: Request[Any, Any, Any], ticket: str = "", mode: str = "") -> Response[bytes]:
    """With a ticket, or a mode and an admin's Bearer token, on to Stripe; with neither, what connecting means.

    A ticket that is followed from elsewhere than Axiru's own pages, a mail say, is asked about first.
    """
    settings = services_of(request).settings
    if ticket:
        try:
            await _count(request)
            # Browsers say where a link was followed from (https://www.w3.org/TR/fetch-metadata); programs say nothing.
            if request.headers.get("sec-fetch-site", "same-origin") not in _OWN_SITE:
                begun = await stripe_installs.look_at(ticket[:_LONGEST_SECRET])
                return shown(confirm_page(begun, ticket, authorize_url=settings.stripe_authorize_url))
            return await _to_stripe(request, ticket)
        except AxiruError as refused:
            return _refused(request, refused)
    if request.headers.get("authorization"):
        await Guard(Permission.CONNECTIONS)(request, request.route_handler)
        try:
            chosen = msgspec.convert(mode, Mode)
        except msgspec.ValidationError as error:
            raise InvalidBody.single("mode", "invalid", "Say which mode: test or live.") from error
        return await _to_stripe(request, (await _begun(request, chosen)).ticket)
    return shown(begin_page(settings.console_url))


@post(f"{_PATH}/install", status_code=303)
async def confirm_install(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The answer to being asked: on to Stripe. Only our own page asks."""
    try:
        await _count(request)
        if not _from_own_page(request):
            raise InsufficientScope("session", "This was sent by another site's page.")
        form = await read_form(request)
        return await _to_stripe(request, form.get("ticket", ""))
    except AxiruError as refused:
        return _refused(request, refused)


@get(f"{_PATH}/callback")
async def finish_install(request: Request[Any, Any, Any], code: str = "", error: str = "") -> Response[bytes]:
    """Stripe's answer: connect the account, read-only, and go back to the console. What fails says so."""
    services = services_of(request)
    # `state` as a parameter would be Litestar's own state of the application.
    state = str(request.query_params.get("state", ""))
    try:
        await _count(request)
        if not state:
            raise Declined("Stripe's answer belongs to nothing that was begun here. Begin in the console.")
        browser = request.cookies.get(COOKIE, "")
        finishing = await stripe_installs.finish(
            state[:_LONGEST_SECRET], browser[:_LONGEST_SECRET], vault=services.vault
        )
        if error == "access_denied":
            raise Declined("Access was declined at Stripe. Nothing was changed.")
        if error or not code:
            raise Declined("Stripe gave no code. Nothing was changed; begin again.")
        connected = await connect_account(services, finishing, code[:_LONGEST_SECRET])
    except AxiruError as refused:
        return _refused(request, refused)
    if services.settings.console_url:
        place = urlencode({"connected": connected.connection_id, "mode": finishing.mode})
        answer = _redirect(f"{services.settings.console_url}/connectors?{place}")
    else:
        answer = shown(connected_page(connected.account_name))
    answer.cookies.append(_cookie("", services.settings, max_age=0))
    return answer


@get("/permissions")
async def show_permissions(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Every permission that the Stripe App asks for, the action it serves, and why. HTML, or JSON by `Accept`."""
    accepted = request.headers.get("accept", "")
    if "application/json" in accepted and "text/html" not in accepted:
        listed = PermissionList(granting=GRANTING, permissions=PERMISSIONS)
        return Response(msgspec.json.encode(listed), media_type=MediaType.JSON, headers={"Vary": "Accept"})
    return shown(permissions_page(), headers={"Vary": "Accept"})


async def _begun(request: Request[Caller, Any, Any], mode: Mode) -> stripe_installs.Ticket:
    """Raises InsufficientScope for a key of the other mode, NotSetUp."""
    caller = request.user
    require_mode(Permission.CONNECTIONS, caller, mode)
    _check_set_up(services_of(request).settings, mode)
    return await stripe_installs.begin(organization_id=caller.organization_id, mode=mode, member_id=caller.member_id)


async def _to_stripe(request: Request[Any, Any, Any], ticket: str) -> Response[bytes]:
    """Raises InstallRefused, NotSetUp."""
    services = services_of(request)
    settings = services.settings
    opened = await stripe_installs.open_ticket(
        ticket[:_LONGEST_SECRET], vault=services.vault, pkce=settings.stripe_oauth_pkce
    )
    _check_set_up(settings, opened.mode)
    asked = {
        "client_id": client_id(settings, opened.mode),
        "redirect_uri": f"{settings.issuer}{_PATH}/callback",
        "state": opened.state,
    }
    if opened.challenge is not None:
        asked |= {"code_challenge": opened.challenge, "code_challenge_method": "S256"}
    joint = "&" if "?" in settings.stripe_authorize_url else "?"
    answer = _redirect(f"{settings.stripe_authorize_url}{joint}{urlencode(asked)}")
    answer.cookies.append(_cookie(opened.browser, settings, max_age=stripe_installs.MINUTES * 60))
    return answer


def _cookie(value: str, settings: Settings, *, max_age: int) -> Cookie:
    """Lax: Stripe sends the browser back by a navigation from its own site."""
    secure = settings.issuer.startswith("https://")
    return Cookie(key=COOKIE, value=value, path=_PATH, max_age=max_age, httponly=True, secure=secure, samesite="lax")


def _redirect(url: str) -> Response[bytes]:
    headers = {"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(b"", status_code=303, media_type=MediaType.HTML, headers=headers)


def _from_own_page(request: Request[Any, Any, Any]) -> bool:
    origin = request.headers.get("origin", "")
    issuer = services_of(request).settings.issuer
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin" and origin in {"", "null", issuer}


def _check_set_up(settings: Settings, mode: Mode) -> None:
    try:
        client_id(settings, mode)
        app_key(settings, mode)
    except ConfigurationInvalid as error:
        raise NotSetUp(f"Connecting accounts in {mode} mode is not set up here. {error.message}") from error


async def _count(request: Request[Any, Any, Any]) -> None:
    """Raises RateLimited."""
    address = request.client.host if request.client else ""
    await services_of(request).rate_limit.hit(f"stripe/address/{address}", per_minute=PER_MINUTE)


def _refused(request: Request[Any, Any, Any], error: AxiruError) -> Response[bytes]:
    """As a page: whoever comes here is a browser."""
    answer = refusal(request, error)
    status = answer.status_code or 500
    console = services_of(request).settings.console_url
    back = f"{console}/onboarding/connect-stripe" if console else ""
    if status >= 500:
        said = "Something went wrong here. Nothing was changed."
        return shown(notice_page("This did not work", said, back=back), status=status)
    headers = {name: value for name, value in answer.headers.items() if name.lower() == "retry-after"}
    return shown(notice_page("Nothing was connected", error.message, back=back), status=status, headers=headers)
