"""The form of a new API key."""

from collections.abc import Callable
from typing import Any, Final

from axiru.errors import AxiruError
from console.api_errors import SessionEnded
from console.carrying_out import carried_out
from console.components.check_group import CheckGroup
from console.components.choice import Choice
from console.components.confirm_dialog import ConfirmDialog
from console.components.expiry_field import KEY_SPANS, ExpiryField
from console.components.select_field import SelectField
from console.components.text import block
from console.components.text_field import TextField
from console.components.timestamp import utc_text
from console.people_views import NewKey
from console.role_words import OWN_SCOPES, SCOPES
from console.sessions import Session

_HIGHEST_RATE: Final = 1_000_000
_ANY_AGENT: Final = {"": "Whoever the request names"}


class KeyForm:
    """One dialog; what was typed stays until a key was made of it. `made` gets the key with its secret."""

    def __init__(self, session: Session, made: Callable[[NewKey], None]) -> None:
        self._session = session
        self._made = made
        own = session.member
        self._dialog = ConfirmDialog("New key", "Make the key", self._submit, "primary")
        with self._dialog.content:
            self._name = TextField("Name", hint="What uses it, such as “Refund agent, staging”.", max_length=200)
            self._mode = Choice("Mode", {"test": "Test", "live": "Live"}, "test")
            self._scopes = CheckGroup("It may", SCOPES, ("decisions:write",))
            self._owner = SelectField(
                "Acts for",
                {own.id: own.name or own.email},
                own.id,
                hint="They never approve what the key asks for.",
            )
            self._agent = SelectField(
                "Asks as",
                _ANY_AGENT,
                "",
                hint="A key of an agent asks as that agent, and does nothing else.",
            )
            with block("div", "two-fields"):
                self._rate = TextField("Requests a minute", value="100", max_length=9)
                self._expiry = ExpiryField("Expires", KEY_SPANS, "7776000")

    async def open(self) -> None:
        own = self._session.member
        try:
            members = (await self._session.people.members()).items
            agents = (await self._session.agents.agents()).items
        except SessionEnded:
            self._session.end()
            return
        except AxiruError:
            # Without the others' names a key can still be made for oneself.
            members, agents = (), ()
        others = {member.id: member.name for member in members if not member.disabled}
        self._owner.offer({own.id: own.name or own.email, **others})
        usable = {one.id: f"{one.name} ({one.agent_id})" for one in agents if one.over is None}
        self._agent.offer({**_ANY_AGENT, **usable})
        self._dialog.open()

    async def _submit(self) -> None:
        body = self._read()
        if body is None:
            return
        made: list[NewKey] = []

        async def make() -> None:
            made.append(await self._session.people.make_key(body))

        if await carried_out(self._session, make, self._dialog.refuse):
            self._name.clear_text()
            self._dialog.close()
            self._made(made[0])

    def _read(self) -> dict[str, Any] | None:
        """What was filled in, as the API takes it; None when a field has been refused."""
        if not self._name.value.strip():
            self._name.refuse("Say what uses it, so that it can be told from the others.")
            return None
        if not self._scopes.chosen:
            self._scopes.refuse("A key that may do nothing is of no use.")
            return None
        other = self._owner.value != self._session.member.id
        if other and OWN_SCOPES.intersection(self._scopes.chosen):
            self._scopes.refuse("Voting, controls, policies and everything act in the owner's name: only for yourself.")
            return None
        rate = self._rate.value.strip().replace(",", "")
        if not (rate.isascii() and rate.isdecimal() and 1 <= int(rate) <= _HIGHEST_RATE):
            self._rate.refuse(f"A whole number from 1 to {_HIGHEST_RATE:,}.")
            return None
        body: dict[str, Any] = {
            "name": self._name.value.strip(),
            "mode": self._mode.value,
            "scopes": self._scopes.chosen,
            "rate_per_minute": int(rate),
        }
        if other:
            body["owner_member_id"] = self._owner.value
        if self._agent.value:
            body["agent"] = self._agent.value
        if self._expiry.at is not None:
            body["expires_at"] = utc_text(self._expiry.at)
        return body
