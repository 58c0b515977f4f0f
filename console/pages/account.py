"""The reader's own affairs: who stands in for them, how they are told, their Slack user, their log-ins and password."""

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from nicegui import app, ui
from starlette.datastructures import FormData

from axiru.errors import AxiruError
from console.api_errors import ApiRefused, RateLimited, SessionEnded
from console.components.text import Text, block
from console.entry import PAGE_TIMEOUT_SECONDS, Console, from_another_site, to_login
from console.pages.account_delegations import OutOfOffice
from console.pages.account_notices import Notices
from console.pages.account_part import AccountPart
from console.pages.account_sessions import LogIns
from console.pages.account_slack import SlackUser
from console.pages.password import FORM_NOTES, is_too_long, password_field
from console.sessions import Session
from console.theme import Frame, frame


def register(console: Console) -> None:
    @ui.page("/account", title="Your account · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def account(request: Request, note: str = "") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        with frame(session, title="Your account", here="account", mode="test") as shell:
            parts = _build(session, shell, note if note in FORM_NOTES else "")
        await shell.start()
        for part in parts:
            await part.start()
        return None

    @app.post("/account/password", include_in_schema=False)
    async def change_password(request: Request) -> Response:
        if from_another_site(request):
            return RedirectResponse("/account?note=cross_site#password", status_code=303)
        if is_too_long(request):
            return Response(status_code=413)
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        try:
            note = await _changed(session, await request.form())
        except SessionEnded:
            console.sessions.close(session)
            return to_login(note="ended", then="/account")
        return RedirectResponse(f"/account?note={note}#password", status_code=303)


async def _changed(session: Session, form: FormData) -> str:
    """What to say of an attempt to change the password. Raises SessionEnded."""
    current, password = str(form.get("current") or ""), str(form.get("password") or "")
    if password != str(form.get("again") or ""):
        return "different"
    try:
        await session.account.change_password(current=current, password=password)
    except SessionEnded:
        raise
    except AxiruError as error:
        return _note_for(error)
    return "changed"


def _build(session: Session, shell: Frame, note: str) -> tuple[AccountPart, ...]:
    member = session.member
    with block("div", "page-head narrow"), block("div"):
        Text("h1", "Your account")
        Text("p", f"{member.name or member.email}, {member.email}", "muted")
    with block("div", "panels narrow"):
        parts = (
            OutOfOffice(session, shell),
            Notices(session, shell),
            SlackUser(session, shell),
            LogIns(session, shell),
        )
        _password(note)
    return parts


def _password(note: str) -> None:
    with block("section", "panel", aria_label="Password", id="password"):
        Text("h2", "Password")
        with block("form", "panel-body password-form", method="post", action="/account/password"):
            if note:
                good = note == "changed"
                Text("p", FORM_NOTES[note], "note" if good else "note note-bad").props["role"] = "alert"
            password_field("Current password", "current", "current-password")
            password_field("New password", "password", "new-password", hint="At least 12 characters.")
            password_field("New password again", "again", "new-password")
            Text("p", "Your other log-ins end with it.", "muted")
            Text("button", "Change password", "button button-plain").props["type"] = "submit"


def _note_for(error: AxiruError) -> str:
    match error:
        case RateLimited():
            return "rate_limited"
        case ApiRefused() if "current" in error.field_errors:
            return "wrong"
        case ApiRefused() if "password" in error.field_errors:
            return "too_short"
        case _:
            return "failed"
