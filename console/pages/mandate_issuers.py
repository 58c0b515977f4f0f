"""AP2 issuers: whose payment mandates are taken, by which key, and taking the trust back."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.domain.movement import Mode
from console.components.agent_tabs import agent_tabs
from console.components.button import Button
from console.components.code_value import code_value
from console.components.disclosure import more
from console.components.empty_state import empty_state
from console.components.kept import Kept
from console.components.key_value import fact
from console.components.question import Question
from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.following import Following
from console.mandate_issuer_views import MandateIssuer
from console.pages.mandate_issuer_form import MandateIssuerForm
from console.sessions import Session
from console.theme import Frame, frame

NEEDED_PERMISSION: Final = "keys"
NOT_PERMITTED: Final = "Admins say whose mandates are taken. You may look at them."


def register(console: Console) -> None:
    @ui.page("/ap2-issuers", title="AP2 issuers · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def mandate_issuers(request: Request, mode: str = "") -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        chosen: Mode = "live" if mode == "live" else "test"
        with frame(session, title="AP2 issuers", here="agents", mode=chosen) as shell:
            page = MandateIssuersPage(session, shell, chosen)
            page.build()
        await shell.start()
        await page.start()
        return None


class MandateIssuersPage:
    """One open page. Issuers are those of both modes; `mode` is what the pages beside it are in."""

    def __init__(self, session: Session, shell: Frame, mode: Mode) -> None:
        self._session = session
        self._shell = shell
        self._mode: Mode = mode
        self._kept = Kept()
        self._may = NEEDED_PERMISSION in session.permissions

    def build(self) -> None:
        agent_tabs("ap2-issuers", self._mode)
        with block("div", "page-head"):
            with block("div"):
                Text("h1", "AP2 issuers")
                Text("p", "Payment mandates are taken if they are signed with one of these keys, in both modes.", "sub")
            if self._may:
                with block("div", "page-actions"):
                    Button("Trust an issuer…", self._add, "primary")
        if not self._may:
            Text("p", NOT_PERMITTED, "muted page-note")
        self._form = MandateIssuerForm(self._session, self._read_again)
        self._question = Question(self._session, self._read_again)
        with block("div", "panels"):
            with block("section", "panel", aria_label="Trusted issuers"):
                self._rows = block("ul", "rows")
            self._old = block("section", "panel hidden", aria_label="Removed issuers")

    async def start(self) -> None:
        self._following = Following(
            self._session,
            self._mode,
            read=self._read,
            # Issuers are not in the feed of events; what somebody else changed shows with the next reading.
            concerns=lambda _: False,
            problem=lambda sentence: self._shell.problem("issuers", sentence),
        )
        await self._following.start()

    def _read_again(self) -> None:
        self._following.resync()

    async def _add(self) -> None:
        await self._form.open()

    async def _read(self) -> None:
        issuers = (await self._session.mandate_issuers.issuers()).items
        self._kept.show(issuers, lambda: self._build_rows(issuers))

    def _build_rows(self, issuers: Sequence[MandateIssuer]) -> None:
        trusted = [one for one in issuers if one.removed_at is None]
        removed = [one for one in issuers if one.removed_at is not None]
        self._rows.clear()
        with self._rows:
            for issuer in trusted:
                self._row(issuer)
            if not trusted:
                with block("li"):
                    empty_state(
                        "No issuer is trusted",
                        "Every payment under an AP2 mandate is denied until the key of its issuer is here.",
                    )
        self._old.clear()
        self._old.classes(replace="panel" if removed else "panel hidden")
        with self._old, block("div", "panel-body"), more(f"Removed: {len(removed)}"), block("ul", "rows rows-flush"):
            for issuer in removed:
                _removed_row(issuer)

    def _row(self, issuer: MandateIssuer) -> None:
        with block("li", "row-acts issuer"):
            _name(issuer)
            with block("p", "facts"), block("span"):
                Text("span", f"trusted by {issuer.added_by.shown} ")
                Timestamp(issuer.added_at)
            _key(issuer)
            if self._may:
                with block("div", "row-buttons"):
                    remove = Button("Remove…", partial(self._ask_to_remove, issuer), "quiet")
                    remove.props["aria-label"] = f"Remove… {issuer.name}"

    async def _ask_to_remove(self, issuer: MandateIssuer) -> None:
        self._question.ask(
            f"Remove {issuer.name}",
            (
                "Payments under its mandates are denied from now on, in test and live mode.",
                "Tokens that were given for one and not used yet are not taken any more. What waits for approval gets "
                "none. What was settled stays settled.",
                "It can be trusted again later, by its key.",
            ),
            "Remove it",
            lambda reason: self._session.mandate_issuers.remove(issuer.id, reason=reason),
            reason="required",
        )


def _name(issuer: MandateIssuer) -> None:
    with block("div", "row-head"):
        Text("strong", issuer.name)
        Text("code", issuer.issuer, "chip")


def _key(issuer: MandateIssuer) -> None:
    with block("dl", "key-moments"):
        if kid := issuer.jwk.get("kid"):
            with fact("Key id"):
                code_value(kid, "key id")
        with fact("Thumbprint of the key"):
            code_value(issuer.thumbprint, "thumbprint")


def _removed_row(issuer: MandateIssuer) -> None:
    with block("li", "issuer"):
        _name(issuer)
        with block("p", "facts"):
            Text("span", f"trusted by {issuer.added_by.shown}")
            if issuer.removed_at is not None:
                with block("span"):
                    Text("span", f"removed by {issuer.removed_by.shown} " if issuer.removed_by else "removed ")
                    Timestamp(issuer.removed_at)
        _key(issuer)
        if issuer.removed_reason:
            Text("p", issuer.removed_reason, "quoted")
