"""A page that stays true: it reads at once and again whenever something happened, and says when it cannot."""

from collections.abc import Awaitable, Callable

from nicegui import Client, context

from axiru.domain.movement import Mode
from axiru.errors import AxiruError
from console.api_errors import SessionEnded
from console.entry import login_address
from console.event_stream import StreamEvent
from console.live_feed import FeedState
from console.refreshing import SHORTEST_INTERVAL_SECONDS, Refreshing
from console.sessions import Session


class Following:
    """Keeps one part of one open page current until its browser tab is gone.

    `read` gets from the API and shows; `concerns` picks the events to read again for; `problem` is called with a
    sentence while reading fails and with an empty one when it works again.
    """

    def __init__(
        self,
        session: Session,
        mode: Mode,
        *,
        read: Callable[[], Awaitable[None]],
        concerns: Callable[[StreamEvent], bool],
        problem: Callable[[str], None],
        on_state: Callable[[FeedState], None] | None = None,
        shortest_interval_seconds: float = SHORTEST_INTERVAL_SECONDS,
    ) -> None:
        self._session = session
        self._feed = session.feed(mode)
        self._read = read
        self._concerns = concerns
        self._problem = problem
        self._on_state = on_state
        self._shortest_interval_seconds = shortest_interval_seconds
        self._client: Client = context.client
        self._refreshing: Refreshing | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Read once, then follow. Failures are shown and tried again, never raised."""
        self._refreshing = Refreshing(self._read_and_report, self._shortest_interval_seconds)
        # Subscribed before reading, so that nothing can happen unseen in between.
        self._unsubscribe = self._feed.subscribe(self)
        self._client.on_delete(self.stop)
        if self._session.ended:
            self.feed_changed(FeedState.ENDED)
            return
        if self._on_state is not None:
            self._on_state(self._feed.state)
        try:
            await self._read_and_report()
        except AxiruError:
            self._refreshing.ask()

    def stop(self) -> None:
        self._unsubscribe()
        if self._refreshing is not None:
            self._refreshing.stop()

    def happened(self, event: StreamEvent) -> None:
        if self._concerns(event):
            self.resync()

    def resync(self) -> None:
        if self._refreshing is not None:
            self._refreshing.ask()

    def feed_changed(self, state: FeedState) -> None:
        if state is FeedState.ENDED:
            self.stop()
            self._client.open(login_address(note=self._session.ended_note, then=self._client.request.url.path))
        elif self._on_state is not None:
            self._on_state(state)

    async def _read_and_report(self) -> None:
        try:
            await self._read()
        except SessionEnded:
            self._session.end()
            raise
        except AxiruError as error:
            self._problem(error.message)
            raise
        self._problem("")
