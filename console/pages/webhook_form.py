"""The form of a webhook endpoint, new or to be changed."""

from collections.abc import Callable, Mapping
from typing import Any

from console.carrying_out import carried_out
from console.components.check_group import CheckGroup
from console.components.choice import Choice
from console.components.confirm_dialog import ConfirmDialog
from console.components.text_field import TextField
from console.outgoing_views import Endpoint
from console.sessions import Session
from console.webhook_words import FAMILIES


class WebhookForm:
    """One dialog, filled anew whenever it is opened. `made` gets a new endpoint's secret."""

    def __init__(self, session: Session, *, made: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._session = session
        self._made = made
        self._changed = changed
        self._endpoint: Endpoint | None = None
        self._dialog = ConfirmDialog("", "", self._submit, "primary")

    def open(self, endpoint: Endpoint | None) -> None:
        self._endpoint = endpoint
        self._dialog.content.clear()
        with self._dialog.content:
            self._url = TextField(
                "Address",
                value=endpoint.url if endpoint else "",
                placeholder="https://",
                hint="Public and https. Private addresses are refused, and redirects are not followed.",
                max_length=2_000,
            )
            self._description = TextField("What it is", value=endpoint.description if endpoint else "", max_length=200)
            if endpoint is None:
                self._mode = Choice("Mode", {"test": "Test", "live": "Live"}, "test")
            events = endpoint.events if endpoint else ("approval.*",)
            self._events = CheckGroup("It is told of", _families(events), events)
            self._votes = None if endpoint else CheckGroup("Votes", self._vote_option())
        if endpoint is None:
            self._dialog.ask("New endpoint", "Make it and show the secret", "primary")
        else:
            self._dialog.ask("Change the endpoint", "Change", "primary")

    def _vote_option(self) -> Mapping[str, tuple[str, str]]:
        own = self._session.member
        return {
            "me": (
                f"It may vote as {own.name or own.email}",
                "Whoever holds the secret approves and denies in your name, never what you or your keys asked for.",
            )
        }

    async def _submit(self) -> None:
        url = self._url.value.strip()
        if not url.startswith(("https://", "http://")):
            self._url.refuse("An address that begins with https://.")
            return
        if not self._events.chosen:
            self._events.refuse("Choose what it is told of.")
            return
        body: dict[str, Any] = {"url": url, "description": self._description.value.strip()}
        body["events"] = ("*",) if "*" in self._events.chosen else self._events.chosen
        if self._votes is not None and self._votes.chosen:
            body["votes_as_me"] = True
        endpoint, outgoing = self._endpoint, self._session.outgoing

        async def submit() -> None:
            if endpoint is None:
                answer = await outgoing.make_endpoint({**body, "mode": self._mode.value})
                self._made(answer.secret)
            else:
                await outgoing.change_endpoint(endpoint.id, body)

        if await carried_out(self._session, submit, self._dialog.refuse):
            self._dialog.close()
            self._changed()


def _families(chosen: tuple[str, ...]) -> Mapping[str, tuple[str, str]]:
    """What is offered, and single events that the endpoint asks for already."""
    return {**FAMILIES, **{event: (event, "") for event in chosen if event not in FAMILIES}}
