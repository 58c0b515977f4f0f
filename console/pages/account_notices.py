"""Whether mails come when the reader's vote is wanted."""

from console.carrying_out import carried_out
from console.components.button import Button
from console.components.text import Text, block
from console.pages.account_part import AccountPart
from console.sessions import Session
from console.theme import Frame


class Notices(AccountPart):
    """Says what is so, and one button that changes it."""

    def __init__(self, session: Session, shell: Frame) -> None:
        super().__init__(session, shell)
        self._wanted = True
        with block("section", "panel", aria_label="E-mail"):
            Text("h2", "E-mail")
            with block("div", "panel-body"), block("div", "switch-line"):
                with block("div"):
                    self._word = Text("p", "", "switch-word")
                    self._word.props["role"] = "status"
                    Text("p", "A mail for each approval that needs your vote, with a link to answer it once.", "muted")
                    self._refusal = Text("p", "", "refusal")
                    self._refusal.props["role"] = "alert"
                with block("div", "switch-action"):
                    self._button = Button("Turn off", self._switch)
        self._button.set_visibility(False)

    async def read(self) -> None:
        own = self._session.member.id
        members = (await self._session.people.members()).items
        told = next((member.notify_by_email for member in members if member.id == own), None)
        self._wanted = told is not False
        self._button.set_visibility(told is not None)
        self._word.set_text("On" if self._wanted else "Off")
        self._button.set_text("Turn off" if self._wanted else "Turn on")

    async def _switch(self) -> None:
        account, wanted = self._session.account, not self._wanted
        if await carried_out(self._session, lambda: account.notify_by_email(wanted), self._refuse):
            self.changed()

    def _refuse(self, sentence: str) -> None:
        self._refusal.set_text(sentence)
