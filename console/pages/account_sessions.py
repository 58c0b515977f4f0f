"""The reader's log-ins: where they are still logged in, and ending the ones they do not know."""

from console.account_views import LogIn
from console.components.badge import badge
from console.components.button import Button
from console.components.question import Question
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.pages.account_part import AccountPart
from console.sessions import Session
from console.theme import Frame


class LogIns(AccountPart):
    """Every log-in that is good now, this one first."""

    def __init__(self, session: Session, shell: Frame) -> None:
        super().__init__(session, shell)
        self._question = Question(session, self.changed)
        with block("section", "panel", aria_label="Log-ins"):
            Text("h2", "Where you are logged in")
            self._list = block("ul", "rows log-ins")

    async def read(self) -> None:
        found = (await self._session.account.log_ins()).items
        self._list.clear()
        with self._list:
            for one in sorted(found, key=lambda one: not one.current):
                self._row(one)

    def _row(self, one: LogIn) -> None:
        async def end() -> None:
            self._question.ask(
                "End this log-in?",
                ("Whoever uses it is logged out at once.",),
                "End it",
                lambda _: self._session.account.end_log_in(one.id),
            )

        with block("li"), block("div", "row-head"):
            with block("div"):
                with block("p"):
                    Text("span", "Since ")
                    Timestamp(one.created_at, "full")
                with block("p", "muted"):
                    Text("span", "Last used ")
                    Timestamp(one.last_seen_at, "distance")
            with block("div", "row-end"):
                if one.current:
                    badge("This one", "neutral")
                else:
                    Button("End…", end)
