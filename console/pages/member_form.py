"""The form of a member: inviting one, or changing name and roles."""

import re
from collections.abc import Callable
from typing import Final

from console.carrying_out import carried_out
from console.components.check_group import CheckGroup
from console.components.confirm_dialog import ConfirmDialog
from console.components.text import Text
from console.components.text_field import TextField
from console.people_views import MemberView, PasswordLink
from console.role_words import ROLES, role_label
from console.sessions import Session

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_OWN_ROLES: Final = "Nobody changes their own roles; another admin may."


class MemberForm:
    """One dialog, filled anew whenever it is opened. `invited` gets the name and the link, which is shown once."""

    def __init__(
        self, session: Session, *, invited: Callable[[str, PasswordLink], None], changed: Callable[[], None]
    ) -> None:
        self._session = session
        self._invited = invited
        self._changed = changed
        self._member: MemberView | None = None
        self._roles: CheckGroup | None = None
        self._dialog = ConfirmDialog("", "", self._submit, "primary")

    def open(self, member: MemberView | None) -> None:
        """The form for `member`, or for somebody new."""
        self._member = member
        self._roles = None
        self._dialog.content.clear()
        with self._dialog.content:
            if member is None:
                self._email = TextField("E-mail", hint="They log in with it.", max_length=254)
            self._name = TextField("Name", value=member.name if member else "", max_length=100)
            if member is not None and member.id == self._session.member.id:
                Text("p", ", ".join(role_label(role) for role in member.roles))
                Text("p", _OWN_ROLES, "muted")
            else:
                self._roles = CheckGroup("Roles", ROLES, member.roles if member else ())
        if member is None:
            self._dialog.ask("Invite someone", "Invite and show the link", "primary")
        else:
            self._dialog.ask(f"Change {member.name}", "Change", "primary")

    async def _submit(self) -> None:
        name = self._name.value.strip()
        if self._member is None and not _EMAIL.fullmatch(self._email.value.strip()):
            self._email.refuse("An address, such as ana@example.com.")
            return
        if not name:
            self._name.refuse("The name that votes and the ledger show.")
            return
        if self._roles is not None and not self._roles.chosen:
            self._roles.refuse("One role at least; a viewer changes nothing.")
            return
        act = self._change if self._member is not None else self._invite
        if await carried_out(self._session, act, self._dialog.refuse):
            self._dialog.close()
            self._changed()

    async def _invite(self) -> None:
        name, roles = self._name.value.strip(), self._roles.chosen if self._roles else ()
        link = await self._session.people.invite(email=self._email.value.strip(), name=name, roles=roles)
        self._invited(name, link)

    async def _change(self) -> None:
        member = self._member
        if member is None:
            return
        changes: dict[str, object] = {}
        if self._name.value.strip() != member.name:
            changes["name"] = self._name.value.strip()
        if self._roles is not None and set(self._roles.chosen) != set(member.roles):
            changes["roles"] = self._roles.chosen
        if changes:
            await self._session.people.change_member(member.id, **changes)
