"""The way into a page: what every page gets, and who may come in."""

from urllib.parse import quote, urlsplit

import httpx
import msgspec
from fastapi import Request
from fastapi.responses import RedirectResponse

from axiru.errors import AxiruError
from axiru.settings import Settings
from console.api_errors import SessionEnded
from console.sessions import COOKIE_FIELD, Session, SessionStore

PAGE_TIMEOUT_SECONDS = 15.0
"""Longer than one call to the API may take, so that a slow API is told as such and not as a page that broke."""


class Console(msgspec.Struct, frozen=True):
    """What the process has once, made in `serve` and handed to every page."""

    settings: Settings
    http: httpx.AsyncClient
    sessions: SessionStore

    async def enter(self, request: Request) -> Session | RedirectResponse:
        """The log-in behind a request, with its permissions as they are now; otherwise the way to the log-in page.

        An API out of reach lets people stay: the page itself says so and comes back with it.
        """
        session = self.sessions.find(request.session.get(COOKIE_FIELD))
        if session is None:
            note = "ended" if COOKIE_FIELD in request.session else ""
            return to_login(note=note, then=request.url.path)
        try:
            session.refresh(await session.api.current_session())
        except SessionEnded:
            self.sessions.close(session)
            return to_login(note="ended", then=request.url.path)
        except AxiruError:
            pass
        return session


def to_login(*, note: str, then: str) -> RedirectResponse:
    """To the log-in page; `note` is one of its fixed texts, `then` the page to come back to."""
    return RedirectResponse(login_address(note=note, then=then), status_code=303)


def login_address(*, note: str, then: str) -> str:
    wanted = {"note": note, "then": then if then != "/" else ""}
    query = "&".join(f"{name}={quote(value, safe='/')}" for name, value in wanted.items() if value)
    return f"/login?{query}" if query else "/login"


def own_path(address: str) -> str:
    """`address` if it is a path of this console, else `/`: a log-in must not send people to another site."""
    parts = urlsplit(address)
    inside = not parts.scheme and not parts.netloc and address.startswith("/") and "\\" not in address
    return address if inside and not address.startswith("//") else "/"


def from_another_site(request: Request) -> bool:
    """Whether the browser says that another site's page sent this (Fetch Metadata, `Sec-Fetch-Site`)."""
    return request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
