"""The reader's Slack user: tied to them by a code that only they are shown and only that user types."""

from console.account_views import LinkCode
from console.carrying_out import carried_out
from console.components.button import Button
from console.components.code_value import code_value
from console.components.question import Question
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.pages.account_part import AccountPart
from console.sessions import Session
from console.theme import Frame


class SlackUser(AccountPart):
    """Whether a Slack user is tied to the reader, and the way to tie one or let go of it."""

    def __init__(self, session: Session, shell: Frame) -> None:
        super().__init__(session, shell)
        self._question = Question(session, self.changed)
        with block("section", "panel", aria_label="Slack"):
            Text("h2", "Slack")
            with block("div", "panel-body"):
                self._state = block("div", "stack", aria_live="polite")
                self._code = block("div", "stack", role="status")
                self._refusal = Text("p", "", "refusal")
                self._refusal.props["role"] = "alert"

    async def read(self) -> None:
        found = await self._session.account.slack_link()
        self._state.clear()
        with self._state:
            if found is None or found.slack_user_id is None:
                Text(
                    "p",
                    "Link your Slack user to this account to vote from Slack. A matching e-mail is not enough.",
                    "muted",
                )
                with block("div"):
                    Button("Get a code", self._get_code)
                return
            self._code.clear()
            with block("div", "row-head"):
                Text("span", "Your Slack user is ")
                Text("code", found.slack_user_id)
                if found.linked_at is not None:
                    with block("span", "muted"):
                        Text("span", "since ")
                        Timestamp(found.linked_at)
                with block("div", "row-end"):
                    Button("Let go…", self._ask_to_unlink)

    async def _get_code(self) -> None:
        got: list[LinkCode] = []

        async def get() -> None:
            got.append(await self._session.account.slack_code())

        if not await carried_out(self._session, get, self._refuse):
            return
        self._code.clear()
        with self._code:
            Text("p", "Type this in Slack, as yourself:")
            code_value(f"/axiru link {got[0].code}", "command")
            with block("p", "muted"):
                Text("span", "It works once and ends ")
                Timestamp(got[0].expires_at, "distance")
                Text("span", ". Show it to nobody. Then load this page again.")

    async def _ask_to_unlink(self) -> None:
        self._question.ask(
            "Let go of your Slack user?",
            ("Votes from Slack are refused until you tie a user again.",),
            "Let go",
            lambda _: self._session.account.unlink_slack(),
            weight="primary",
        )

    def _refuse(self, sentence: str) -> None:
        self._refusal.set_text(sentence)
