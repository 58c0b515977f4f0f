"""The dialog that puts a control in force: what will happen, what it is about, in which mode, until when, and why."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from console.carrying_out import carried_out
from console.components.choice import Choice
from console.components.confirm_dialog import ConfirmDialog
from console.components.expiry_field import CONTROL_SPANS, ExpiryField
from console.components.text import Text, block
from console.components.text_field import TextField
from console.sessions import Session
from console.views import ControlView

Engaged = Callable[[ControlView], None]
"""Called with the API's answer: only it tells which calls to Stripe were already under way."""


class Subject(msgspec.Struct, frozen=True):
    """What a control is about; `mode` where that follows from it and is not asked for, `pause_payouts` where it can."""

    scope: dict[str, str]
    mode: str | None = None
    pause_payouts: bool | None = None


class ControlDialog:
    """`subject` reads what was filled in, or says beside a field what is wrong with it and returns None."""

    def __init__(
        self,
        session: Session,
        kind: str,
        *,
        title: str,
        confirm: str,
        sentences: Sequence[str],
        subject: Callable[[], Awaitable[Subject | None]],
        engaged: Engaged,
        asks_mode: bool = True,
    ) -> None:
        self._session = session
        self._kind = kind
        self._subject = subject
        self._engaged = engaged
        self._dialog = ConfirmDialog(title, confirm, self._engage, "danger")
        self.open = self._dialog.open
        with self._dialog.content:
            with block("ul", "plain-list"):
                for sentence in sentences:
                    Text("li", sentence)
            self._about = block("div", "form")
            modes = {"both": "Test and live", "test": "Test", "live": "Live"}
            self._modes = Choice("Applies to", modes, "both") if asks_mode else None
            self._until = ExpiryField("In force", CONTROL_SPANS)
            self._reason = TextField("Reason", hint="Everyone sees it, and the ledger keeps it.", rows=2)

    @contextmanager
    def about(self) -> Iterator[None]:
        """Build here the fields that `subject` reads."""
        with self._about:
            yield

    async def _engage(self) -> None:
        self._dialog.refuse("")
        subject = await self._subject()
        if subject is None:
            return
        reason = self._reason.value.strip()
        if not reason:
            self._reason.refuse("Say why: the reason is kept in the ledger.")
            return
        answers: list[ControlView] = []

        async def engage() -> None:
            mode = subject.mode or (self._modes.value if self._modes else "both")
            answers.append(
                await self._session.controls.engage(
                    self._kind,
                    subject.scope,
                    mode=mode,
                    reason=reason,
                    expires_at=self._until.at,
                    pause_payouts=subject.pause_payouts,
                )
            )

        if await carried_out(self._session, engage, self._dialog.refuse):
            self._reason.clear_text()
            self._dialog.close()
            self._engaged(answers[0])
