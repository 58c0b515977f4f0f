"""What can be done with a version, by whom, and what follows from it: promote, retire, look on again, roll back."""

from collections.abc import Awaitable, Callable
from typing import Final

from axiru.errors import AxiruError
from console.api_errors import SessionEnded
from console.components.button import Button, Weight
from console.components.choice import Choice
from console.components.confirm_dialog import ConfirmDialog
from console.components.text import Text, block
from console.pages.comparison import promise
from console.policy_views import Promotion, VersionSummary
from console.sessions import Session

SHARES: Final = {
    "100": "All requests",
    "50": "50 %",
    "25": "25 %",
    "10": "10 %",
    "5": "5 %",
    "1": "1 %",
}
SECOND_PERSON: Final = "You are one of its authors: a second person has to put it in force."
SECOND_TO_RETIRE: Final = "You are one of its authors: a second person has to take it out of force."


class VersionActions:
    """The buttons for one version and their dialogs. `changed` is called when the API has done something."""

    def __init__(
        self,
        session: Session,
        version: VersionSummary,
        live: VersionSummary | None,
        *,
        promotion: Callable[[], Promotion | None],
        changed: Callable[[], None],
    ) -> None:
        self._session = session
        self._version = version
        self._live = live if live is not None and live.id != version.id else None
        self._promotion = promotion
        self._changed = changed
        self._is_author = session.member.id in {author.id for author in version.authors}

    def build(self) -> None:
        name = self._version.name
        match self._version.status:
            case "shadow":
                self._build_promoting()
                self._button("Promote…", self._ask_to_promote, "primary", SECOND_PERSON if self._is_author else "")
                self._build_retiring(f"{name} stops looking on. It can be brought back.")
                self._button("Retire…", self._ask_to_retire, "plain", "")
            case "active":
                self._build_retiring(
                    "Nothing of this policy is in force afterwards: what it holds back today goes through, unless "
                    "another policy says otherwise."
                )
                self._button("Retire…", self._ask_to_retire, "danger", SECOND_TO_RETIRE if self._is_author else "")
            case "retired":
                self._build_rolling_back()
                self._button(
                    "Roll back to this…", self._ask_to_roll_back, "plain", SECOND_PERSON if self._is_author else ""
                )
                self._button("Let it look on again", self._look_on_again, "plain", "")
            case "draft":
                pass
        self._refusal = Text("p", "", "refusal")
        self._refusal.props["role"] = "alert"

    def _button(self, text: str, on_click: Callable[[], Awaitable[None]], weight: Weight, why_not: str) -> None:
        with block("div", "action"):
            Button(text, on_click, weight).block(bool(why_not), why_not)
            if why_not:
                Text("p", why_not, "muted")

    def _build_promoting(self) -> None:
        self._promoting = ConfirmDialog(f"Promote {self._version.name}", "Promote", self._promote, "primary")
        with self._promoting.content:
            self._promised = block("div")
            self._share = Choice("It decides", SHARES, "100")
            Text(
                "p",
                "A share is a canary: always the same requests, by customer; it goes on looking on at the others.",
                "muted",
            )
            retired = f" For all requests, {self._live.name} is retired; you can roll back to it." if self._live else ""
            Text("p", f"It counts in test and live mode alike.{retired}", "muted")

    def _build_retiring(self, consequence: str) -> None:
        self._retiring = ConfirmDialog(f"Retire {self._version.name}", "Retire", self._retire, "danger")
        with self._retiring.content:
            Text("p", consequence)

    def _build_rolling_back(self) -> None:
        name = self._version.name
        self._rolling_back = ConfirmDialog(f"Roll back to {name}", f"Put {name} in force", self._roll_back, "primary")
        with self._rolling_back.content:
            retired = f", and {self._live.name} is retired" if self._live else ""
            Text("p", f"{name} decides every request again{retired}. It is sealed as a roll-back, under your name.")

    async def _ask_to_promote(self) -> None:
        promotion = self._promotion()
        self._promised.clear()
        with self._promised:
            if promotion is not None:
                promise(promotion)
            else:
                Text("p", "What this would change is not known: the comparison could not be read.", "refusal")
        self._promoting.open()

    async def _ask_to_retire(self) -> None:
        self._retiring.open()

    async def _ask_to_roll_back(self) -> None:
        self._rolling_back.open()

    async def _promote(self) -> None:
        await self._act(
            self._promoting,
            lambda slug, version: self._session.policies.activate(slug, version, percent=int(self._share.value)),
        )

    async def _retire(self) -> None:
        await self._act(self._retiring, self._session.policies.retire)

    async def _roll_back(self) -> None:
        await self._act(self._rolling_back, self._session.policies.activate)

    async def _look_on_again(self) -> None:
        await self._act(None, self._session.policies.look_on_again)

    async def _act(self, dialog: ConfirmDialog | None, act: Callable[[str, int], Awaitable[object]]) -> None:
        refuse = dialog.refuse if dialog is not None else self._refusal.set_text
        refuse("")
        try:
            await act(self._version.slug, self._version.version)
        except SessionEnded:
            self._session.end()
        except AxiruError as error:
            refuse(error.message)
        else:
            if dialog is not None:
                dialog.close()
            self._changed()
