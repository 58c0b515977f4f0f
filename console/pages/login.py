"""Log-in and log-out: ordinary forms, so that password managers work and the cookie changes with the log-in."""

from typing import Final

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from nicegui import app, ui

from axiru.errors import AxiruError
from console.api_client import log_in
from console.api_errors import ApiOutOfReach, ApiRefused, RateLimited, SessionEnded
from console.components.text import Text, block
from console.entry import Console, from_another_site, login_address, own_path
from console.sessions import COOKIE_FIELD
from console.theme import bare_frame

LONGEST_FORM_BYTES: Final = 8_192

_NOTES: Final = {
    "ended": "Your session has ended. Log in again.",
    "left": "You are logged out.",
    "password_set": "Your password is set. Log in with it.",
    "invalid_credentials": "E-mail and password do not match an account.",
    "api_out_of_reach": "The Axiru API does not answer. Nothing is wrong with your password; try again in a moment.",
    "rate_limited": "Too many attempts. Wait a minute, then try again.",
    "left_unheard": "You are logged out here. The API did not answer, so your session ends there only when it expires.",
    "cross_site": "That log-in came from another site and was not used.",
    "failed": "The log-in did not work, and not because of your password. Try again in a moment.",
}
"""The only texts this page can be made to say by its address."""
_CALM: Final = frozenset({"ended", "left", "password_set"})


def register(console: Console) -> None:
    @ui.page("/login", title="Log in · Axiru")
    def login(note: str = "", then: str = "/") -> None:
        _build(note, own_path(then))

    @app.post("/login", include_in_schema=False)
    async def take_credentials(request: Request) -> Response:
        if from_another_site(request):
            return _back(note="cross_site", then="/")
        if int(request.headers.get("content-length") or LONGEST_FORM_BYTES + 1) > LONGEST_FORM_BYTES:
            return Response(status_code=413)
        form = await request.form()
        then = own_path(str(form.get("then") or "/"))
        try:
            logged_in = await log_in(console.http, str(form.get("email") or ""), str(form.get("password") or ""))
            session = await console.sessions.open(logged_in)
        except AxiruError as error:
            return _back(note=_note_for(error), then=then)
        _close_present(console, request)
        request.session[COOKIE_FIELD] = session.id
        return RedirectResponse(then, status_code=303)

    @app.post("/logout", include_in_schema=False)
    async def leave(request: Request) -> Response:
        if from_another_site(request):
            return RedirectResponse("/", status_code=303)
        session = console.sessions.find(request.session.pop(COOKIE_FIELD, None))
        note = "left"
        if session is not None:
            try:
                await session.api.log_out()
            except SessionEnded:
                pass
            except AxiruError:
                # Forgotten here, the token lives on at the API until it expires, which people should know.
                note = "left_unheard"
            console.sessions.close(session, note)
        return _back(note=note, then="/")


def _build(note: str, then: str) -> None:
    with bare_frame("Log in"), block("form", "login", method="post", action="/login"):
        block("img", src="/static/favicon.svg", alt="", width="32", height="32")
        Text("h1", "Log in to Axiru")
        if note in _NOTES:
            Text("p", _NOTES[note], "note" if note in _CALM else "note note-bad").props["role"] = "alert"
        block("input", type="hidden", name="then", value=then)
        _field("E-mail", "email", "email", "username")
        _field("Password", "password", "password", "current-password")
        Text("button", "Log in", "button button-primary").props["type"] = "submit"


def _field(label: str, name: str, kind: str, autocomplete: str) -> None:
    with block("div", "field"):
        Text("label", label, "field-label").props["for"] = f"login-{name}"
        field = block("input", "control", id=f"login-{name}", type=kind, name=name, autocomplete=autocomplete)
        field.props["required"] = True
        field.props["autofocus"] = name == "email"


def _note_for(error: AxiruError) -> str:
    match error:
        case RateLimited():
            return "rate_limited"
        case ApiRefused(code="invalid_credentials") | ApiRefused(code="invalid_request"):
            return "invalid_credentials"
        case ApiOutOfReach():
            return "api_out_of_reach"
        case _:
            return "failed"


def _close_present(console: Console, request: Request) -> None:
    present = console.sessions.find(request.session.get(COOKIE_FIELD))
    if present is not None:
        console.sessions.close(present)


def _back(*, note: str, then: str) -> Response:
    return RedirectResponse(login_address(note=note, then=then), status_code=303)
