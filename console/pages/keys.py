"""API keys: which there are, what each may do and for whom, when it was used last, and revoking one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from console.components.badge import badge
from console.components.button import Button
from console.components.disclosure import more
from console.components.empty_state import empty_state
from console.components.organization_tabs import organization_tabs
from console.components.question import Question
from console.components.secret_once import SecretOnce
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.components.wording import MODE_NAMES
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.pages.key_form import KeyForm
from console.people_views import KeyView, NewKey
from console.role_words import SCOPES
from console.sessions import Session
from console.theme import Frame, frame

NEEDED_PERMISSION: Final = "keys"
_NOT_PERMITTED: Final = "Your role may not see keys. Admins make, see and revoke them."


def register(console: Console) -> None:
    @ui.page("/keys", title="Keys · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def keys(request: Request) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        permitted = NEEDED_PERMISSION in session.permissions
        with frame(session, title="Keys", here="organization", mode="test") as shell:
            organization_tabs("keys")
            page = KeysPage(session, shell)
            if permitted:
                page.build()
            else:
                with block("div", "page-head"):
                    Text("h1", "Keys")
                Text("p", _NOT_PERMITTED, "note")
        await shell.start()
        if permitted:
            await page.start()
        return None


class KeysPage:
    """One open page of all keys."""

    def __init__(self, session: Session, shell: Frame) -> None:
        self._session = session
        self._shell = shell

    def build(self) -> None:
        self._question = Question(self._session, self._read_again)
        self._form = KeyForm(self._session, self._made)
        with block("div", "page-head"):
            Text("h1", "Keys")
            with block("div", "page-actions"):
                Button("New key…", self._make, "primary")
        with block("div", "panels"):
            self._secret = SecretOnce()
            with block("section", "panel", aria_label="Keys in use"):
                Text("h2", "In use")
                self._rows = block("ul", "rows")
            self._old = block("section", "panel hidden", aria_label="Keys out of use")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self._read,
            # Keys are not in the feed of events; what somebody else changed shows with the next reading.
            concerns=lambda _: False,
            problem=lambda sentence: self._shell.problem("keys", sentence),
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        keys = (await self._session.people.keys()).items
        now = datetime.now(UTC)
        old = [key for key in keys if _is_over(key, now)]
        self._rows.clear()
        with self._rows:
            for key in keys:
                if key not in old:
                    self._row(key)
            if len(old) == len(keys):
                with block("li"):
                    empty_state("No key is in use", "Programs ask for decisions with a key.")
        self._old.clear()
        self._old.classes(replace="panel" if old else "panel hidden")
        with self._old, block("div", "panel-body"), more(f"Revoked and expired: {len(old)}"):
            _old_rows(old)

    def _row(self, key: KeyView) -> None:
        with block("li", "row-acts"):
            with block("div", "row-head"):
                _name(key)
            with block("p", "chips"):
                for scope in key.scopes:
                    Text("code", scope, "chip").props["title"] = SCOPES.get(scope, ("", ""))[1]
            with block("p", "facts"):
                Text("span", f"acts for {key.owner.shown}")
                if key.agent is not None:
                    Text("span", f"asks as {key.agent.agent_id} alone")
                if key.last_used_at is not None:
                    with block("span"):
                        Text("span", "last used ")
                        Timestamp(key.last_used_at)
                else:
                    Text("span", "never used")
                Text("span", f"{key.rate_per_minute or 100:,} requests a minute")
                with block("span"):
                    Text("span", f"made by {key.created_by.shown} " if key.created_by else "made ")
                    Timestamp(key.created_at)
                if key.expires_at is not None:
                    with block("span"):
                        Text("span", "expires ")
                        Timestamp(key.expires_at)
                else:
                    Text("span", "does not expire")
            with block("div", "row-buttons"):
                Button("Revoke…", partial(self._ask_to_revoke, key), "quiet")

    async def _make(self) -> None:
        await self._form.open()

    def _made(self, key: NewKey) -> None:
        self._secret.show(
            f"The key {key.name}",
            key.key,
            "key",
            "Keep it where your program finds it and people do not. It is not shown again.",
        )
        self._read_again()

    async def _ask_to_revoke(self, key: KeyView) -> None:
        used = "It was never used." if key.last_used_at is None else "It was in use: what still sends it is refused."
        self._question.ask(
            f"Revoke {key.name}",
            ("Every request with this key is refused from now on. It cannot be undone.", used),
            "Revoke it",
            lambda _: self._session.people.revoke_key(key.id),
        )


def _is_over(key: KeyView, now: datetime) -> bool:
    return key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now)


def _name(key: KeyView) -> None:
    Text("strong", key.name)
    Text("code", f"…{key.hint}", "muted")
    badge(MODE_NAMES.get(key.mode, key.mode).capitalize(), "waiting" if key.mode == "live" else "neutral")


def _old_rows(keys: Sequence[KeyView]) -> None:
    with block("ul", "rows rows-flush"):
        for key in keys:
            with block("li"):
                with block("div", "row-head"):
                    _name(key)
                with block("p", "facts"):
                    Text("span", f"acted for {key.owner.shown}")
                    with block("span"):
                        if key.revoked_at is not None:
                            Text("span", f"revoked by {key.revoked_by.shown} " if key.revoked_by else "revoked ")
                            Timestamp(key.revoked_at)
                        elif key.expires_at is not None:
                            Text("span", "expired ")
                            Timestamp(key.expires_at)
