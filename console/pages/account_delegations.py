"""Out of office: who votes in the reader's place and until when, and whose place the reader sits in."""

from datetime import UTC, datetime, timedelta

from axiru.domain.roles import VOTING_ROLES
from console.account_views import Delegation
from console.carrying_out import carried_out
from console.components.badge import badge
from console.components.button import Button
from console.components.moment_field import MomentField
from console.components.question import Question
from console.components.select_field import SelectField
from console.components.text import Text, block
from console.components.text_field import TextField
from console.components.timestamp import Timestamp
from console.pages.account_part import AccountPart
from console.pages.decision_discussion import READ_ONLY_ROLES
from console.sessions import Session
from console.theme import Frame

NOBODY = ""
_USUAL_ABSENCE = timedelta(days=7)


class OutOfOffice(AccountPart):
    """The reader's delegations in both directions, and a form for a new one that outlives every update of the list."""

    def __init__(self, session: Session, shell: Frame) -> None:
        super().__init__(session, shell)
        self._question = Question(session, self.changed)
        with block("section", "panel", aria_label="Out of office"):
            Text("h2", "Out of office")
            with block("div", "panel-body"):
                Text(
                    "p",
                    "While you are away, a colleague can vote in your place. They cannot pass it on, and never vote on "
                    "what you or they have asked for."
                    if VOTING_ROLES.intersection(session.member.roles)
                    else "Your roles do not vote, so there is nothing to pass on.",
                    "muted",
                )
                self._list = block("ul", "rows delegations", aria_live="polite")
            if VOTING_ROLES.intersection(session.member.roles):
                self._build_form()

    def _build_form(self) -> None:
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        with block("div", "panel-body out-form"):
            self._to = SelectField("Who votes in your place", {NOBODY: "Choose a member"}, NOBODY)
            with block("div", "out-times"):
                self._from = MomentField("From", now)
                self._until = MomentField("Until", now + _USUAL_ABSENCE)
            self._reason = TextField("Reason", placeholder="On holiday", hint="The ledger keeps it.")
            self._refusal = Text("p", "", "refusal")
            self._refusal.props["role"] = "alert"
            with block("div"):
                Button("Pass on your vote", self._begin)

    async def read(self) -> None:
        own = self._session.member.id
        delegations = (await self._session.account.delegations()).items
        now = datetime.now(UTC)
        alive = [one for one in delegations if one.ended_at is None and one.ends_at > now]
        self._list.clear()
        with self._list:
            concerned = [one for one in alive if own in {one.from_.id, one.to.id}]
            for one in concerned:
                self._row(one, own)
            if not concerned:
                Text("li", "Nobody votes in your place now, and you vote in nobody's.", "muted")
        if VOTING_ROLES.intersection(self._session.member.roles):
            await self._offer_members(own)

    async def _offer_members(self, own: str) -> None:
        members = (await self._session.people.members()).items
        able = [
            one for one in members if one.id != own and not one.disabled and not READ_ONLY_ROLES.issuperset(one.roles)
        ]
        self._to.offer({NOBODY: "Choose a member", **{one.id: one.name for one in able}})

    def _row(self, one: Delegation, own: str) -> None:
        async def end() -> None:
            self._question.ask(
                "End it now?",
                ("Votes cast until now stay counted." if one.in_force else "It has not begun; nothing is lost.",),
                "End",
                lambda _: self._session.account.end_delegation(one.id),
                weight="primary",
            )

        with block("li"), block("div", "row-head"):
            with block("div"):
                with block("p"):
                    whose = f"{one.to.shown} votes in your place "
                    Text("strong", whose if one.from_.id == own else f"You vote in the place of {one.from_.shown} ")
                    badge("In force" if one.in_force else "To come", "waiting" if one.in_force else "neutral")
                with block("p", "muted"):
                    Timestamp(one.starts_at)
                    Text("span", " until ")
                    Timestamp(one.ends_at)
                Text("p", one.reason, "sub")
            if one.from_.id == own:
                with block("div", "row-end"):
                    Button("End…", end)

    async def _begin(self) -> None:
        starts_at, ends_at, reason = self._from.at, self._until.at, self._reason.value.strip()
        if self._to.value == NOBODY:
            self._refusal.set_text("Choose who votes in your place.")
            return
        if starts_at is None or ends_at is None:
            (self._from if starts_at is None else self._until).refuse("Choose a date and a time.")
            return
        if not reason:
            self._reason.refuse("Say why: the reason is kept in the ledger.")
            return
        account = self._session.account
        if await carried_out(
            self._session,
            lambda: account.delegate(self._to.value, starts_at=starts_at, ends_at=ends_at, reason=reason),
            self._refuse,
        ):
            self._reason.clear_text()
            self._to.choose(NOBODY)
            self.changed()

    def _refuse(self, sentence: str) -> None:
        self._refusal.set_text(sentence)
