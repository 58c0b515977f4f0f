"""Setting a password by a link from an invitation: an ordinary form, open to whoever has the link, once."""

from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from nicegui import app, ui

from axiru.errors import AxiruError
from console.api_client import set_password
from console.api_errors import ApiOutOfReach, ApiRefused, RateLimited
from console.components.text import Text, block, link
from console.entry import Console, from_another_site, login_address
from console.theme import bare_frame

LONGEST_FORM_BYTES: Final = 8_192
SHORTEST_PASSWORD: Final = 12

FORM_NOTES: Final = {
    "changed": "Your password is changed. Your other log-ins have ended.",
    "wrong": "The present password does not match.",
    "different": "The two new passwords differ.",
    "too_short": f"Choose a password of at least {SHORTEST_PASSWORD} characters.",
    "spent": "This link was used already, or its time is over. Ask an admin for a new one.",
    "api_out_of_reach": "The Axiru API does not answer. Try again in a moment.",
    "rate_limited": "Too many attempts. Wait a minute, then try again.",
    "cross_site": "That form came from another site and was not used.",
    "failed": "That did not work. Try again in a moment.",
}
"""The only texts these forms can be made to say by their address."""


def register(console: Console) -> None:
    @ui.page("/password", title="Set your password · Axiru")
    def password(token: str = "", note: str = "") -> None:
        _build(token[:256], note if note in FORM_NOTES else "" if token else "spent")

    @app.post("/password", include_in_schema=False)
    async def take_password(request: Request) -> Response:
        if from_another_site(request):
            return _back("", "cross_site")
        if is_too_long(request):
            return Response(status_code=413)
        form = await request.form()
        token, chosen = str(form.get("token") or ""), str(form.get("password") or "")
        if chosen != str(form.get("again") or ""):
            return _back(token, "different")
        if len(chosen) < SHORTEST_PASSWORD:
            return _back(token, "too_short")
        try:
            await set_password(console.http, token, chosen)
        except AxiruError as error:
            return _back(token, _note_for(error))
        return RedirectResponse(login_address(note="password_set", then="/"), status_code=303)


def is_too_long(request: Request) -> bool:
    return int(request.headers.get("content-length") or LONGEST_FORM_BYTES + 1) > LONGEST_FORM_BYTES


def password_field(label: str, name: str, autocomplete: str, *, hint: str = "") -> None:
    """A field of an ordinary form, which password managers know how to fill."""
    with block("div", "field"):
        Text("label", label, "field-label").props["for"] = f"password-{name}"
        field = block("input", "control", id=f"password-{name}", type="password", name=name, autocomplete=autocomplete)
        field.props["required"] = True
        if autocomplete == "new-password":
            field.props["minlength"] = SHORTEST_PASSWORD
        if hint:
            Text("p", hint, "field-notes")


def _build(token: str, note: str) -> None:
    with bare_frame("Set your password"), block("form", "login", method="post", action="/password"):
        block("img", src="/static/favicon.svg", alt="", width="32", height="32")
        Text("h1", "Set your password")
        if note:
            Text("p", FORM_NOTES[note], "note note-bad").props["role"] = "alert"
        if not token:
            link("To the log-in page", "/login", "button button-plain")
            return
        block("input", type="hidden", name="token", value=token)
        password_field("New password", "password", "new-password", hint=f"At least {SHORTEST_PASSWORD} characters.")
        password_field("New password again", "again", "new-password")
        Text("button", "Set password", "button button-primary").props["type"] = "submit"


def _note_for(error: AxiruError) -> str:
    match error:
        case RateLimited():
            return "rate_limited"
        case ApiRefused(code="invalid_credentials"):
            return "spent"
        case ApiRefused() if "password" in error.field_errors:
            return "too_short"
        case ApiRefused(code="invalid_request"):
            return "spent"
        case ApiOutOfReach():
            return "api_out_of_reach"
        case _:
            return "failed"


def _back(token: str, note: str) -> Response:
    return RedirectResponse(f"/password?{urlencode({'token': token, 'note': note})}", status_code=303)
