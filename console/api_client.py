"""The console's only way to the product: Axiru's HTTP API, with the token of the person who is logged in."""

from contextvars import ContextVar
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from axiru.domain.movement import Mode
from console.api_errors import ApiAnswerUnreadable, ApiOutOfReach, ApiRefused, RateLimited, SessionEnded
from console.detail_views import DecisionDetail
from console.views import (
    ControlList,
    CurrentSession,
    DecisionPage,
    LoggedIn,
)

BACKGROUND: Final = ContextVar("BACKGROUND", default=False)
"""Whether a page reads again by itself: that keeps nobody's log-in from ending for idleness."""

TIMEOUT_SECONDS: Final = 10.0
CONTROL_TIMEOUT_SECONDS: Final = 20.0
"""A control answers after open calls have settled, for which the API waits up to 10 s."""

IN_BACKGROUND: Final = {"Axiru-Background": "true"}

View = TypeVar("View")


class ApiClient:
    """Calls as one member. Every method raises ApiOutOfReach, ApiAnswerUnreadable, ApiRefused or SessionEnded."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}", "Axiru-Outcome-Style": "integration"}

    async def current_session(self) -> CurrentSession:
        return await self.call("GET", "/api/v1/sessions/current", CurrentSession)

    async def log_out(self) -> None:
        """Revoke the token."""
        await self.send("DELETE", "/api/v1/sessions/current")

    async def decisions(
        self,
        *,
        mode: Mode,
        state: str = "",
        query: str = "",
        differs: bool = False,
        bypass: bool = False,
        rail: str = "",
        agent: str = "",
        window: str = "",
        subject: str = "",
        surface_mode: str = "",
        limit: int = 50,
        cursor: str = "",
    ) -> DecisionPage:
        """Newest first. `differs`: what some shadow would have decided otherwise; `bypass`: what never asked.

        `window`: what counts now in this window of a budget, of `subject`.
        """
        wanted = {"mode": mode, "state": state, "q": query, "limit": str(limit), "cursor": cursor}
        wanted |= {"rail": rail, "initiator_id": agent}
        wanted |= {"window": window, "subject": subject, "surface_mode": surface_mode}
        wanted |= {"disagrees": "true" if differs else "", "bypass": "true" if bypass else ""}
        return await self.call(
            "GET", "/api/v1/decisions", DecisionPage, params={name: value for name, value in wanted.items() if value}
        )

    async def decision(self, decision_id: str) -> DecisionDetail:
        return await self.call("GET", f"/api/v1/decisions/{segment(decision_id)}", DecisionDetail)

    async def undo(self, decision_id: str, *, reason: str) -> None:
        """Ask that what was executed be taken back; how it went shows on the decision."""
        await self.send("POST", f"/api/v1/decisions/{segment(decision_id)}/undo", json={"reason": reason})

    async def controls(self) -> ControlList:
        return await self.call("GET", "/api/v1/controls", ControlList)

    async def call(self, method: str, path: str, view: type[View], **options: Any) -> View:
        """One request, and its answer read as `view`."""
        response = await self.send(method, path, **options)
        return _read(response, view)

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request whose answer need not be read."""
        headers = self._headers | options.pop("extra_headers", {}) | (IN_BACKGROUND if BACKGROUND.get() else {})
        response = await _request(self._http, method, path, headers=headers, **options)
        if response.status_code == 401:
            raise SessionEnded("You have been logged out.")
        _raise_refusal(response)
        return response

    async def open(self, path: str, **options: Any) -> httpx.Response:
        """A file: an answer whose body is still to be read, piece by piece, and that has to be closed."""
        request = self._http.build_request("GET", path, headers=self._headers, **options)
        try:
            response = await self._http.send(request, stream=True)
            if not response.is_success:
                await response.aread()
        except httpx.TransportError as error:
            raise ApiOutOfReach("The Axiru API does not answer.", cause=type(error).__name__) from error
        if response.status_code == 401:
            raise SessionEnded("You have been logged out.")
        _raise_refusal(response)
        return response


async def log_in(http: httpx.AsyncClient, email: str, password: str) -> LoggedIn:
    """Exchange credentials for a session. Raises ApiRefused (`invalid_credentials`), RateLimited, ApiOutOfReach."""
    response = await _request(http, "POST", "/api/v1/sessions", json={"email": email, "password": password})
    _raise_refusal(response)
    return _read(response, LoggedIn)


async def set_password(http: httpx.AsyncClient, token: str, password: str) -> None:
    """Set a password by a link's token. Raises ApiRefused (`invalid_credentials` for a link that is spent)."""
    response = await _request(http, "POST", "/api/v1/password", json={"token": token, "password": password})
    _raise_refusal(response)


async def _request(http: httpx.AsyncClient, method: str, path: str, **options: Any) -> httpx.Response:
    try:
        return await http.request(method, path, **options)
    except httpx.TransportError as error:
        raise ApiOutOfReach("The Axiru API does not answer.", cause=type(error).__name__) from error


def _raise_refusal(response: httpx.Response) -> None:
    if response.is_success:
        return
    try:
        refusal = msgspec.json.decode(response.content, type=_Refusal)
    except msgspec.MsgspecError as error:
        raise ApiAnswerUnreadable(f"The API answered {response.status_code} without a reason.") from error
    if response.status_code == 429:
        retry_after = response.headers.get("Retry-After", "")
        seconds = int(retry_after) if retry_after.isdecimal() else 1
        raise RateLimited(refusal.message, request_id=refusal.request_id, retry_after_seconds=seconds)
    raise ApiRefused(
        refusal.error,
        refusal.message,
        status=response.status_code,
        request_id=refusal.request_id,
        field_errors={error.field: error.message for error in refusal.field_errors},
    )


def _read(response: httpx.Response, view: type[View]) -> View:
    try:
        return msgspec.json.decode(response.content, type=view)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ApiAnswerUnreadable(
            "The API's answer could not be read.", view=view.__name__, cause=str(error)
        ) from error


def segment(identifier: str) -> str:
    """An id as one path segment; ids come from the address bar, so a slash in one must not choose another endpoint."""
    return quote(identifier, safe="")


class _FieldError(msgspec.Struct, frozen=True):
    field: str
    message: str


class _Refusal(msgspec.Struct, frozen=True):
    error: str
    message: str
    request_id: str | None = None
    field_errors: tuple[_FieldError, ...] = ()
