"""Who is logged in: API tokens, kept in this process and named by a random id in the signed cookie."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import msgspec

from axiru.domain.movement import Mode
from console.account_api import AccountApi
from console.agent_api import AgentApi
from console.api_client import ApiClient
from console.approval_api import ApprovalApi
from console.budget_api import BudgetApi
from console.control_api import ControlApi
from console.dispute_api import DisputeApi
from console.list_api import ListApi
from console.live_feed import LiveFeed
from console.mandate_issuer_api import MandateIssuerApi
from console.outgoing_api import OutgoingApi
from console.people_api import PeopleApi
from console.policy_api import PolicyApi
from console.replay_api import ReplayApi
from console.stripe_api import StripeApi
from console.token_key_api import TokenKeyApi
from console.views import CurrentSession, LoggedIn, Member

COOKIE_FIELD = "log_in"


class Session:
    """One log-in: its API client, its live feeds, and whom to tell when it is over."""

    def __init__(self, http: httpx.AsyncClient, logged_in: LoggedIn, permissions: tuple[str, ...]) -> None:
        self.id = secrets.token_urlsafe(32)
        self.api = ApiClient(http, logged_in.token)
        self.policies = PolicyApi(self.api)
        self.lists = ListApi(self.api)
        self.replays = ReplayApi(self.api)
        self.controls = ControlApi(self.api)
        self.people = PeopleApi(self.api)
        self.agents = AgentApi(self.api)
        self.budgets = BudgetApi(self.api)
        self.token_keys = TokenKeyApi(self.api)
        self.mandate_issuers = MandateIssuerApi(self.api)
        self.outgoing = OutgoingApi(self.api)
        self.approvals = ApprovalApi(self.api)
        self.account = AccountApi(self.api)
        self.stripe = StripeApi(self.api)
        self.disputes = DisputeApi(self.api)
        self.expires_at = logged_in.expires_at
        self.member: Member = logged_in.member
        self.permissions = frozenset(permissions)
        self.ended = False
        self.ended_note = ""
        self._http = http
        self._token = logged_in.token
        self._feeds: dict[Mode, LiveFeed] = {}

    def feed(self, mode: Mode) -> LiveFeed:
        """The one upstream subscription of this log-in for `mode`."""
        if mode not in self._feeds:
            self._feeds[mode] = LiveFeed(self._http, self._token, mode, on_unauthorized=self.end)
        return self._feeds[mode]

    def refresh(self, current: CurrentSession) -> None:
        """Take over what the API says about this log-in now: roles may have changed since the last page."""
        self.member = current.member
        self.permissions = frozenset(current.permissions)
        self.expires_at = current.expires_at

    def end(self, note: str = "ended") -> None:
        """The token is worth nothing any more; every open page goes to the log-in page, which says `note`."""
        if self.ended:
            return
        self.ended, self.ended_note = True, note
        for feed in self._feeds.values():
            feed.end()

    def is_over(self, now: datetime) -> bool:
        return self.ended or self.expires_at <= now


class SessionStore:
    """All log-ins of this process.

    In memory on purpose: `app.storage.user` would write bearer tokens to disk in clear, `app.storage.tab` would ask
    for a log-in in every tab, and a token inside the cookie would leave the server. The price is that a restart of
    the console asks people to log in again. The id is drawn anew at every log-in, so a cookie planted before it is
    worth nothing.
    """

    def __init__(self, http: httpx.AsyncClient, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._http = http
        self._now = now
        self._sessions: dict[str, Session] = {}

    async def open(self, logged_in: LoggedIn) -> Session:
        """Keep a new log-in. Raises what ApiClient raises: permissions are read from the API at once."""
        current = await ApiClient(self._http, logged_in.token).current_session()
        session = Session(self._http, msgspec.structs.replace(logged_in, member=current.member), current.permissions)
        self._forget_those_over()
        self._sessions[session.id] = session
        return session

    def find(self, session_id: object) -> Session | None:
        """The log-in named by a cookie's field, unless it is over."""
        session = self._sessions.get(session_id) if isinstance(session_id, str) else None
        return None if session is None or session.is_over(self._now()) else session

    def close(self, session: Session, note: str = "ended") -> None:
        """Forget a log-in and send its open pages away."""
        self._sessions.pop(session.id, None)
        session.end(note)

    def close_all(self) -> None:
        for session in tuple(self._sessions.values()):
            self.close(session)

    def _forget_those_over(self) -> None:
        now = self._now()
        for session in [session for session in self._sessions.values() if session.is_over(now)]:
            self.close(session)
