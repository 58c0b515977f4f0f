"""The frame round every page: head, header, banners, main. Colours, spacing and type are tokens in static/axiru.css."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from nicegui import app, context, ui
from nicegui.element import Element

from axiru.domain.movement import Mode
from console.components.icon import icon
from console.components.shortcuts import Shortcuts
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.components.wording import role_name
from console.event_stream import StreamEvent
from console.following import Following
from console.live_feed import FeedState
from console.sessions import Session
from console.views import ControlView

STATIC: Final = Path(__file__).parent / "static"
MOST_COUNTED: Final = 9
"""Of what waits for one; beyond it only that there is more, because every page counts it anew after each vote."""

Place = Literal[
    "decisions",
    "approvals",
    "disputes",
    "policies",
    "lists",
    "replays",
    "controls",
    "connectors",
    "agents",
    "organization",
    "account",
]

_NAVIGATION: Final[tuple[tuple[Place, str, str], ...]] = (
    ("decisions", "Decisions", "/"),
    ("approvals", "Approvals", "/approvals"),
    ("disputes", "Disputes", "/disputes"),
    ("policies", "Policies", "/policies"),
    ("lists", "Lists", "/lists"),
    ("replays", "Replays", "/replays"),
    ("controls", "Controls", "/controls"),
    ("connectors", "Connectors", "/connectors"),
    ("agents", "Agents", "/agents"),
    ("organization", "Organization", "/members"),
)
_FEED_WORDS: Final = {
    FeedState.CONNECTING: "Connecting",
    FeedState.LIVE: "Connected",
    FeedState.RECONNECTING: "Reconnecting",
    FeedState.ENDED: "Ended",
}


class ThemeToggle(Element, component="components/theme_toggle.js"):
    """System, light or dark, remembered by the browser."""


def install() -> None:
    """Serve the console's own files and put its style sheet into every page's head. Once a process."""
    app.add_static_files("/static", STATIC)
    ui.add_head_html(
        '<script src="/static/theme.js"></script>'
        '<link rel="preload" href="/static/fonts/inter-latin.woff2" as="font" type="font/woff2" crossorigin>'
        '<link rel="stylesheet" href="/static/axiru.css">'
        '<link rel="stylesheet" href="/static/policies.css">'
        '<link rel="stylesheet" href="/static/approvals.css">'
        '<link rel="stylesheet" href="/static/people.css">'
        '<link rel="stylesheet" href="/static/stripe.css">'
        '<link rel="stylesheet" href="/static/agents.css">',
        shared=True,
    )


@contextmanager
def bare_frame(title: str) -> Iterator[None]:
    """A page without navigation: log-in, and what is not there."""
    ui.page_title(f"{title} · Axiru")
    _one_main()
    with block("main", "bare"):
        yield


@contextmanager
def frame(session: Session, *, title: str, here: Place, mode: Mode) -> Iterator["Frame"]:
    """Header, banners and `main`, in which the page is built; `await frame.start()` makes the header live."""
    ui.page_title(f"{title} · Axiru")
    _one_main()
    link("Skip to content", "#content", "skip")
    built = Frame(session, mode)
    with block("header", "top"):
        _brand(session)
        built.build_navigation(here)
        with block("div", "top-end"):
            built.build_feed_state()
            ThemeToggle()
            _member_menu(session)
    built.build_banners()
    Shortcuts()
    with block("main", "page", id="content", tabindex="-1"):
        yield built


def _one_main() -> None:
    """NiceGUI's page is a `main` around header and navigation, too; only ours is the landmark."""
    page = context.client.content.parent_slot
    if page is not None:
        page.parent.props["role"] = "none"


class Frame:
    """What changes in the frame while a page is open: the feed's state, the kill switch's banner, and what waits."""

    def __init__(self, session: Session, mode: Mode) -> None:
        self._session = session
        self._mode = mode
        self._problems: dict[str, str] = {}
        self._feed_state = FeedState.CONNECTING

    def build_feed_state(self) -> None:
        self._indicator = block("span", "feed feed-connecting", role="status")
        with self._indicator:
            block("span", "feed-dot", aria_hidden="true")
            self._word = Text("span", _FEED_WORDS[FeedState.CONNECTING])

    def build_navigation(self, here: Place) -> None:
        with block("nav", "places", aria_label="Main"):
            for name, label, address in _NAVIGATION:
                with block("a", href=address) as anchor:
                    Text("span", label)
                    if name == "approvals":
                        self._mine = Text("span", "", "count")
                if name == here:
                    anchor.props["aria-current"] = "page"

    def build_banners(self) -> None:
        self._banners = block("div", "banners")
        self._strip = Text("p", "", "strip")
        self._strip.props["role"] = "status"

    async def start(self) -> None:
        """Read the controls in force and follow them, whichever page is open and whichever mode it shows."""
        self._following = self._follow_controls(self._mode, self._read_controls, self._show_feed_state)
        await self._following.start()
        # Each mode has a feed of its own. There is one reader for both, so that no older answer comes in last.
        other: Mode = "live" if self._mode == "test" else "test"
        await self._follow_controls(other, self._read_controls_soon).start()
        await Following(
            self._session,
            self._mode,
            read=self._read_mine,
            concerns=lambda event: event.event == "approval",
            problem=lambda sentence: self.problem("approvals", sentence),
        ).start()

    def _follow_controls(
        self, mode: Mode, read: Callable[[], Awaitable[None]], on_state: Callable[[FeedState], None] | None = None
    ) -> Following:
        return Following(
            self._session,
            mode,
            read=read,
            concerns=_is_about_controls,
            problem=lambda sentence: self.problem(f"controls, {mode}", sentence),
            on_state=on_state,
        )

    async def _read_controls_soon(self) -> None:
        self._following.resync()

    def read_again(self) -> None:
        """Something on this page has just changed a control: do not wait to be told."""
        self._following.resync()

    def problem(self, about: str, sentence: str) -> None:
        """Say, on top of the page, why what it shows may be old; an empty sentence takes that back."""
        self._problems[about] = sentence
        self._show_strip()

    async def _read_controls(self) -> None:
        controls = await self._session.api.controls()
        engaged = [control for control in controls.items if control.kind == "kill_switch" and control.in_force]
        self._banners.clear()
        with self._banners:
            for control in engaged:
                _kill_switch_banner(control)

    async def _read_mine(self) -> None:
        mine = await self._session.approvals.approvals(mode=self._mode, state="pending", mine=True, limit=MOST_COUNTED)
        count = len(mine.items)
        self._mine.set_text(f"{count}{'+' if mine.next_cursor else ''}" if count else "")

    def _show_feed_state(self, state: FeedState) -> None:
        self._feed_state = state
        self._indicator.classes(replace=f"feed feed-{state}")
        self._word.set_text(_FEED_WORDS[state])
        self._show_strip()

    def _show_strip(self) -> None:
        sentences = sorted({sentence for sentence in self._problems.values() if sentence})
        if self._feed_state is FeedState.RECONNECTING:
            sentences.append("Reconnecting; what you see may be out of date.")
        self._strip.set_text(" ".join(sentences))


def _is_about_controls(event: StreamEvent) -> bool:
    return event.event == "control"


def _kill_switch_banner(control: ControlView) -> None:
    with block("div", "banner", role="alert"):
        icon("stop")
        with block("p"):
            Text("strong", "Kill switch engaged" + ("" if control.mode == "both" else f" for {control.mode} mode"))
            Text("span", f" by {control.engaged_by.shown if control.engaged_by else 'somebody'} ")
            Timestamp(control.engaged_at, "distance")
            Text("span", f": {control.reason}")
        link("Controls", "/controls")


def _brand(session: Session) -> None:
    with block("a", "brand", href="/", aria_label="Axiru, decisions"):
        block("img", src="/static/favicon.svg", alt="", width="20", height="20")
        Text("span", "Axiru")
    if session.member.organization_name:
        Text("span", session.member.organization_name, "organization")


def _member_menu(session: Session) -> None:
    member = session.member
    name = member.name or member.email
    with block("details", "menu"):
        with block("summary", "button button-quiet", aria_label=f"Account of {name}"):
            Text("span", name[:1].upper(), "avatar")
        with block("div", "menu-body"):
            Text("p", name, "menu-name")
            Text("p", member.email, "muted")
            Text("p", ", ".join(role_name(role) for role in member.roles), "muted")
            link("Your account", "/account", "menu-link")
            link("Set up Axiru", "/onboarding", "menu-link")
            with block("form", method="post", action="/logout"):
                Text("button", "Log out", "button button-plain").props["type"] = "submit"
