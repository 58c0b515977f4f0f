"""Server-sent events off the wire, and the feed that follows them through every kind of break."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from console import live_feed
from console.event_stream import StreamEvent, events_in
from console.live_feed import FeedState, LiveFeed


async def lines(*given: str) -> AsyncIterator[str]:
    for line in given:
        yield line


async def test_an_event_has_its_name_its_data_and_the_last_id_the_stream_named() -> None:
    wire = (": connected", "", "id: test:7:0", "event: decision", 'data: {"a":', "data: 1}", "", "data: next", "")
    events = [event async for event in events_in(lines(*wire))]
    assert events == [StreamEvent("decision", '{"a":\n1}', "test:7:0"), StreamEvent("message", "next", "test:7:0")]


async def test_an_event_that_breaks_off_is_dropped_and_heartbeats_are_none() -> None:
    events = [event async for event in events_in(lines(": alive", "", "event: decision", "data: {}"), "test:1:0")]
    assert events == []


class Page:
    """A listener that lets a test wait for what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self._something = asyncio.Event()

    def happened(self, event: StreamEvent) -> None:
        self._note(event.id)

    def resync(self) -> None:
        self._note("resync")

    def feed_changed(self, state: FeedState) -> None:
        self._note(state)

    def _note(self, what: object) -> None:
        self.told.append(what)
        self._something.set()

    async def until(self, what: object, times: int = 1) -> None:
        async with asyncio.timeout(10):
            while self.told.count(what) < times:
                self._something.clear()
                await self._something.wait()


class Api:
    """Answers each subscription with the next of its answers, then with a stream that stays open."""

    def __init__(self, *answers: Callable[[], httpx.Response]) -> None:
        self._answers = list(answers)
        self.asked_after: list[str | None] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked_after.append(request.headers.get("Last-Event-ID"))
        return self._answers.pop(0)() if self._answers else httpx.Response(200, stream=Open())

    def feed(self, on_unauthorized: Callable[[], None] = lambda: None) -> LiveFeed:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self), base_url="http://api")
        return LiveFeed(http, "st_secret", "test", on_unauthorized)


class Open(httpx.AsyncByteStream):
    """Says one thing and then nothing for ever."""

    def __init__(self, said: bytes = b": connected\n\n") -> None:
        self._said = said

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._said
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks are mended without waiting for long."""
    monkeypatch.setattr(live_feed, "FIRST_RETRY_SECONDS", 0.01)


def unreachable() -> httpx.Response:
    raise httpx.ConnectError("refused")


def one_event() -> httpx.Response:
    return httpx.Response(200, content=b"id: test:9:1\nevent: decision\ndata: {}\n\n")


async def test_after_a_break_the_feed_says_so_and_resumes_where_it_was() -> None:
    api, page = Api(one_event, unreachable), Page()
    unsubscribe = api.feed().subscribe(page)
    await page.until(FeedState.LIVE, times=2)
    await page.until("resync", times=2)
    unsubscribe()
    assert api.asked_after == [None, "test:9:1", "test:9:1"]
    assert page.told == [FeedState.LIVE, "resync", "test:9:1", FeedState.RECONNECTING, FeedState.LIVE, "resync"]


async def test_an_id_the_api_no_longer_knows_is_given_up() -> None:
    api, page = Api(one_event, lambda: httpx.Response(400, json={})), Page()
    unsubscribe = api.feed().subscribe(page)
    await page.until(FeedState.LIVE, times=2)
    unsubscribe()
    assert api.asked_after == [None, "test:9:1", None]


async def test_a_token_that_is_no_longer_good_ends_the_feed_for_good() -> None:
    api, page = Api(lambda: httpx.Response(401, json={})), Page()

    def log_in_is_over() -> None:
        feed.end()

    feed = api.feed(on_unauthorized=log_in_is_over)
    feed.subscribe(page)
    await page.until(FeedState.ENDED)
    late = Page()
    feed.subscribe(late)
    await asyncio.sleep(0)
    assert api.asked_after == [None]


async def test_all_pages_of_a_log_in_share_one_subscription_which_ends_with_the_last() -> None:
    api, first, second = Api(), Page(), Page()
    feed = api.feed()
    leave_first = feed.subscribe(first)
    leave_second = feed.subscribe(second)
    await second.until(FeedState.LIVE)
    assert api.asked_after == [None]
    leave_first()
    leave_second()
    again = feed.subscribe(first)
    await first.until("resync", times=2)
    again()
    assert api.asked_after == [None, None]


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_failing_api_is_tried_again(status: int) -> None:
    api, page = Api(lambda: httpx.Response(status, json={})), Page()
    unsubscribe = api.feed().subscribe(page)
    await page.until(FeedState.LIVE)
    unsubscribe()
    assert page.told[0] is FeedState.RECONNECTING
