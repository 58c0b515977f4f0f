"""Members: who is let in, and with which roles."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from console.components.badge import badge
from console.components.button import Button
from console.components.disclosure import more
from console.components.kept import Kept
from console.components.key_value import key_value, key_values
from console.components.organization_tabs import organization_tabs
from console.components.question import Question
from console.components.secret_once import SecretOnce
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.pages.member_form import MemberForm
from console.people_views import MemberView, PasswordLink
from console.role_words import ROLES, role_label
from console.sessions import Session
from console.theme import Frame, frame

NEEDED_PERMISSION: Final = "members"
NOT_PERMITTED: Final = "Admins invite people and change their roles."


def register(console: Console) -> None:
    @ui.page("/members", title="Members · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def members(request: Request) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        with frame(session, title="Members", here="organization", mode="test") as shell:
            page = MembersPage(session, shell)
            page.build()
        await shell.start()
        await page.start()
        return None


class MembersPage:
    """One open page of all members."""

    def __init__(self, session: Session, shell: Frame) -> None:
        self._session = session
        self._shell = shell
        self._kept = Kept()
        self._permitted = NEEDED_PERMISSION in session.permissions

    def build(self) -> None:
        organization_tabs("members")
        with block("div", "page-head"):
            Text("h1", "Members")
            if self._permitted:
                with block("div", "page-actions"):
                    Button("Invite someone…", self._invite, "primary")
        if not self._permitted:
            Text("p", NOT_PERMITTED, "muted page-note")
        self._question = Question(self._session, self._read_again)
        self._form = MemberForm(self._session, invited=self._show_link, changed=self._read_again)
        with block("div", "panels"):
            self._secret = SecretOnce()
            with block("section", "panel", aria_label="People"):
                Text("h2", "People")
                self._rows = block("ul", "rows")
            _roles()

    async def start(self) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self._read,
            # Members are not in the feed of events; what somebody else changed shows with the next reading.
            concerns=lambda _: False,
            problem=lambda sentence: self._shell.problem("members", sentence),
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _read(self) -> None:
        members = (await self._session.people.members()).items
        self._kept.show(members, lambda: self._build_rows(members))

    def _build_rows(self, members: Sequence[MemberView]) -> None:
        self._rows.clear()
        with self._rows:
            for member in sorted(members, key=lambda member: member.disabled):
                self._row(member)

    def _row(self, member: MemberView) -> None:
        with block("li", "row-acts row-off" if member.disabled else "row-acts"):
            with block("div", "row-head"):
                Text("strong", member.name)
                if member.id == self._session.member.id:
                    Text("span", "you", "muted")
                _standing(member)
            with block("p", "facts"):
                if member.email:
                    Text("span", member.email)
                Text("span", ", ".join(role_label(role) for role in member.roles) or "no role")
                if member.last_seen is not None:
                    with block("span"):
                        Text("span", "last active ")
                        Timestamp(member.last_seen)
                elif self._permitted:
                    Text("span", "has not logged in yet")
            if self._permitted:
                with block("div", "row-buttons"):
                    self._buttons(member)

    def _buttons(self, member: MemberView) -> None:
        if member.locked_until is not None:
            Button("Unlock…", partial(self._ask_to_unlock, member), "quiet")
        if not member.disabled:
            Button("Change…", partial(self._change, member), "quiet")
            Button("Password link…", partial(self._ask_for_link, member), "quiet")
        if member.id != self._session.member.id:
            if member.disabled:
                Button("Enable…", partial(self._ask_to_enable, member), "quiet")
            else:
                Button("Disable…", partial(self._ask_to_disable, member), "quiet")

    async def _invite(self) -> None:
        self._form.open(None)

    async def _change(self, member: MemberView) -> None:
        self._form.open(member)

    def _show_link(self, name: str, link: PasswordLink) -> None:
        self._secret.show(
            f"A link for {name}",
            link.password_link,
            "link",
            "Send it to them by a way only they read: whoever opens it first sets the password.",
            "It works once, for 24 hours, and is not shown again.",
        )

    async def _ask_for_link(self, member: MemberView) -> None:
        async def make(_: str) -> None:
            self._show_link(member.name, await self._session.people.password_link(member.id))

        self._question.ask(
            f"A password link for {member.name}",
            (
                "Whoever opens the link sets a new password, which ends every log-in of theirs.",
                "The link is shown once, and earlier ones stop working.",
            ),
            "Make the link",
            make,
            weight="primary",
        )

    async def _ask_to_unlock(self, member: MemberView) -> None:
        self._question.ask(
            f"Unlock {member.name}",
            ("They may try to log in again at once. Ask them first whether the wrong passwords were theirs.",),
            "Unlock",
            lambda _: self._session.people.change_member(member.id, unlock=True),
            weight="primary",
        )

    async def _ask_to_disable(self, member: MemberView) -> None:
        self._question.ask(
            f"Disable {member.name}",
            (
                "They are logged out at once and cannot log in; keys that act for them are refused.",
                "What they did stays as it is, under their name. It can be undone.",
            ),
            "Disable",
            lambda _: self._session.people.change_member(member.id, disabled=True),
        )

    async def _ask_to_enable(self, member: MemberView) -> None:
        roles = ", ".join(role_label(role) for role in member.roles) or "no role"
        self._question.ask(
            f"Enable {member.name}",
            (f"They may log in again, with what they had: {roles}.",),
            "Enable",
            lambda _: self._session.people.change_member(member.id, disabled=False),
            weight="primary",
        )


def _standing(member: MemberView) -> None:
    if member.disabled:
        badge("Disabled", "neutral", "pause")
    if member.password_set is False:
        badge("Invited", "waiting", "clock")
    if member.locked_until is not None:
        badge("Locked out", "failed", "lock")
        with block("span", "muted"):
            Text("span", "until ")
            Timestamp(member.locked_until)


def _roles() -> None:
    with block("section", "panel", aria_label="Roles"), block("div", "panel-body"), more("What roles may do"):
        _explained(ROLES)


def _explained(words: Mapping[str, Sequence[str]]) -> None:
    with key_values():
        for name, text in words.values():
            key_value(name, text)
