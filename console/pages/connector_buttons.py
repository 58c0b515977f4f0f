"""What an admin does with a connection as a whole: name it, make it the default, end it."""

from collections.abc import Callable
from functools import partial

from console.carrying_out import carried_out
from console.components.button import Button
from console.components.confirm_dialog import ConfirmDialog
from console.components.question import Question
from console.components.text import Text, block
from console.components.text_field import TextField
from console.sessions import Session
from console.stripe_views import Connection
from console.stripe_words import may_connect

NAME_LENGTH = 100
_STILL_INSTALLED = "Stripe did not confirm that access was taken back. Uninstall Axiru in Stripe's dashboard as well."


class ConnectorButtons:
    """The buttons beside the page's title, and their dialogs; nothing at all for who may not."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._connection: Connection | None = None
        self._question = Question(session, changed)
        self._naming = ConfirmDialog("Rename the connection", "Rename", self._rename, "primary")
        with self._naming.content:
            self._name = TextField("Name", hint="For people here; Stripe is not told.", max_length=NAME_LENGTH)
        self._note = Text("p", "", "note")
        self._note.props["role"] = "status"
        with block("div", "page-actions") as self._place:
            self._rename_button = Button("Rename…", self._ask_name)
            self._default_button = Button("Make default…", self._ask_default)
            self._end_button = Button("Disconnect…", self._ask_to_end, "danger")
        self._place.set_visibility(False)

    def show(self, connection: Connection) -> None:
        active = connection.status == "active"
        self._connection = connection
        self._place.set_visibility(may_connect(self._session))
        self._default_button.set_visibility(active and not connection.is_default)
        self._end_button.set_visibility(active)

    async def _ask_name(self) -> None:
        if self._connection is not None:
            self._name.set_text(self._connection.name)
            self._naming.open()

    async def _rename(self) -> None:
        connection, name = self._connection, self._name.value.strip()
        if connection is None:
            return
        if not name:
            self._name.refuse("Give it a name.")
            return
        rename = partial(self._session.stripe.rename, connection.id, name)
        if await carried_out(self._session, rename, self._naming.refuse):
            self._naming.close()
            self._changed()

    async def _ask_default(self) -> None:
        connection = self._connection
        if connection is None:
            return
        self._question.ask(
            f"Make {connection.shown} the default",
            (f"Requests in {connection.mode} mode that name no connection go over it from now on.",),
            "Make it the default",
            lambda _: self._session.stripe.make_default(connection.id),
            weight="primary",
        )

    async def _ask_to_end(self) -> None:
        connection = self._connection
        if connection is None:
            return

        async def end(reason: str) -> None:
            ended = await self._session.stripe.disconnect(connection.id, reason=reason)
            self._note.set_text("" if ended.deauthorized else _STILL_INSTALLED)

        self._question.ask(
            f"Disconnect {connection.shown}",
            (
                "Axiru stops reading this account at once, forgets its access and tells Stripe so.",
                "Requests over this connection are not executed any more, approved ones included.",
                "Decisions, events and evidence that are here stay; connecting it again takes Stripe's consent anew.",
            ),
            "Disconnect",
            end,
            reason="required",
        )
