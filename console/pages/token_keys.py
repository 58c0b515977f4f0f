"""Token keys: which one signs, which is next, which are still verified, and revoking one in an emergency."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from console.components.badge import Look, look_badge
from console.components.button import Button
from console.components.code_value import code_value
from console.components.disclosure import more
from console.components.empty_state import empty_state
from console.components.kept import Kept
from console.components.key_value import fact
from console.components.organization_tabs import organization_tabs
from console.components.question import Question
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.sessions import Session
from console.theme import Frame, frame
from console.token_key_views import KeyState, TokenKey, TokenKeyList

LOOK_AGAIN_SECONDS: Final = 10.0
"""Keys change by the clock, and no event tells of it."""
NOT_PERMITTED: Final = (
    "They are the keys of every organization here. Whoever operates this installation revokes one in an emergency, and "
    "your ledger keeps it. You may look at them."
)
LOOKS: Final[Mapping[KeyState, Look]] = {
    "signing": Look("Signing", "check", "good"),
    "next": Look("Next", "clock", "waiting"),
    "published": Look("Verified only", "eye", "neutral"),
    "revoked": Look("Revoked", "alert", "failed"),
}
SENTENCES: Final[Mapping[KeyState, str]] = {
    "signing": "Tokens are signed with it now.",
    "next": "It is published, so that verifiers have met it before it signs.",
    "published": "It signs no more. Tokens it signed are verified until the last of them is over.",
    "revoked": "It is out of the published set, and no token it signed is taken.",
}
_ORDER: Final[tuple[KeyState, ...]] = ("signing", "next", "published", "revoked")


def register(console: Console) -> None:
    @ui.page("/token-keys", title="Token keys · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def token_keys(request: Request) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        with frame(session, title="Token keys", here="organization", mode="test") as shell:
            page = TokenKeysPage(session, shell)
            page.build()
        await shell.start()
        await page.start()
        return None


class TokenKeysPage:
    """One open page of the keys of the whole installation; both modes sign with them."""

    def __init__(self, session: Session, shell: Frame) -> None:
        self._session = session
        self._shell = shell
        self._kept = Kept()
        self._again: asyncio.TimerHandle | None = None

    def build(self) -> None:
        organization_tabs("token-keys")
        with block("div", "page-head"), block("div"):
            Text("h1", "Token keys")
            with block("p", "sub"):
                Text("span", "Authorization tokens are signed with them. Verifiers fetch their public halves from ")
                Text("code", "/axiru-jwks.json")
                Text("span", "; they change by themselves.")
        self._note = Text("p", NOT_PERMITTED, "muted page-note hidden")
        self._question = Question(self._session, self._read_again)
        with block("div", "panels"):
            with block("section", "panel", aria_label="Published keys"):
                Text("h2", "Published")
                self._rows = block("ul", "rows")
            self._old = block("section", "panel hidden", aria_label="Revoked keys")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self._read,
            concerns=lambda _: False,
            problem=lambda sentence: self._shell.problem("token keys", sentence),
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        told = await self._session.token_keys.keys()
        self._kept.show(told, lambda: self._build_rows(told))
        if self._again is not None:
            self._again.cancel()
        self._again = asyncio.get_running_loop().call_later(LOOK_AGAIN_SECONDS, self._following.resync)

    def _build_rows(self, told: TokenKeyList) -> None:
        keys, self._may_revoke = told.items, told.may_revoke
        self._note.classes(replace="muted page-note hidden" if told.may_revoke else "muted page-note")
        revoked = [key for key in keys if key.state == "revoked"]
        published = sorted((key for key in keys if key.state != "revoked"), key=lambda key: _ORDER.index(key.state))
        self._rows.clear()
        with self._rows:
            for key in published:
                self._row(key)
            if not published:
                with block("li"):
                    empty_state("No key is published", "The first one is made when the worker starts.")
        self._old.clear()
        self._old.classes(replace="panel" if revoked else "panel hidden")
        with self._old, block("div", "panel-body"), more(f"Revoked: {len(revoked)}"), block("ul", "rows rows-flush"):
            for key in reversed(revoked):
                self._row(key)

    def _row(self, key: TokenKey) -> None:
        with block("li", "row-acts token-key"):
            with block("div", "row-head"):
                look_badge(LOOKS[key.state])
                code_value(key.kid, "key id")
            Text("p", SENTENCES[key.state], "muted")
            with block("dl", "key-moments"):
                _moments(key)
            if key.revoked_reason:
                Text("p", key.revoked_reason, "quoted")
            if self._may_revoke and key.state != "revoked":
                with block("div", "row-buttons"):
                    revoke = Button("Revoke…", partial(self._ask_to_revoke, key), "quiet")
                    revoke.props["aria-label"] = f"Revoke… {key.kid}"

    async def _ask_to_revoke(self, key: TokenKey) -> None:
        self._question.ask(
            "Revoke a token key",
            consequences(key),
            "Revoke it",
            lambda reason: self._session.token_keys.revoke(key.kid, reason=reason),
            reason="required",
        )


def consequences(key: TokenKey) -> Sequence[str]:
    """What is different from the moment the button is pressed."""
    replaced = {
        "signing": "Another key signs from now on, without the time in which verifiers would have met it first: they "
        "fetch it when they see the first token of it.",
        "next": "It never signs. Another one takes its turn.",
        "published": "It signs no more in any case.",
    }
    return (
        f"Do this only if somebody may have the private half of {key.kid}.",
        "It leaves the published set, and Axiru takes no token it signed, of any organization here. Agents that hold "
        "one ask again and are given another. The ledger of every organization keeps it, with your reason.",
        replaced.get(key.state, ""),
        "Verifiers that keep the set may believe it for up to 5 minutes more. What was settled stays settled.",
        "It cannot be undone.",
    )


def _moments(key: TokenKey) -> None:
    for label, at in (
        ("Published", key.published_at),
        ("Signs from" if key.state == "next" else "Signed from", key.active_from),
        ("Signs until" if key.state == "signing" else "Signed until", key.replaced_at),
        ("Leaves the set", key.gone_at),
        ("Revoked", key.revoked_at),
    ):
        if at is not None:
            with fact(label):
                Timestamp(at)
