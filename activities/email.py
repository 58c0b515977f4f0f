"""Mails: an approval to everybody who may vote on it, alarms to every admin and controller.

A delivery names a member, never an address or a token: both are looked up, or made, when the mail is sent, and what
it shows is what stands then.
"""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from activities.budget_alarm import answerable, read_budget_alarm
from activities.bypass_alarm import read_bypass
from activities.dispute_alarm import read_dispute_alarm
from activities.email_letters import (
    approval_letter,
    break_glass_letter,
    breaker_letter,
    budget_letter,
    bypass_letter,
    connection_letter,
    dispute_letter,
    member_letter,
)
from activities.email_message import Letter, Recipient, composed
from activities.smtp import transmit
from axiru.database import row, rows
from axiru.domain.breaker import BreakerTerms
from axiru.domain.delivery import ChannelName, Happening, Outgoing, Planned, Sent
from axiru.domain.sheet_lines import on_one_line
from axiru.domain.webhook_events import event_of
from axiru.email_links import issue_link
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.trip import measured
from ledger.approval_sheet import read_sheet
from ledger.eligibility import eligible_voters, standings

_TO_VOTERS: Final = frozenset({"approval.requested", "approval.reminder", "approval.escalated", "approval.question"})
_ALARMS: Final = frozenset(
    {
        *("break_glass.open", "break_glass.used", "breaker.tripped", "bypass.detected"),
        *("dispute.due_soon", "dispute.past_due", "dispute.degraded"),
        "connection.revoked",
    }
)
_MEMBER_ALARMS: Final = frozenset({"role_granted", "locked"})
_WITHOUT_A_VOTE: Final = frozenset({"approval.question", "approval.assigned"})
"""Told to people who may not vote, too: who asked for the money, and whom the approval was assigned to."""


class NotWanted(Exception):
    """The mail says nothing any more; the message says why."""


class EmailChannel:
    """Mails by the organization's SMTP server; without `smtp_host` and `mail_from` there are none."""

    name: ChannelName = "email"

    def __init__(self, settings: Settings, vault: Vault, *, tls: ssl.SSLContext | None = None) -> None:
        """`tls` is the system's trust unless it is given. The vault holds nothing that mails need."""
        del vault
        self._settings = settings
        self._tls = tls or ssl.create_default_context()

    async def plan(self, happening: Happening) -> list[Planned]:  # noqa: PLR0911 - one a kind of happening
        """One mail to each member who has to know of it and wants mails; alarms go to all admins and controllers."""
        if not self._settings.smtp_host or not self._settings.mail_from:
            return []
        payload = happening.payload
        event = event_of(happening.topic, payload)
        if happening.topic == "member":
            # Sealed in the chains of both modes; one mail is enough.
            return await self._about_member(happening) if happening.mode == "live" else []
        if happening.topic == "bypass":
            event = "bypass.detected" if "email" in payload["alerts"] else None
        if happening.topic == "budget":
            return await _about_budget(happening)
        if event in _ALARMS:
            return await self._alarm(happening, event)
        if event in _TO_VOTERS:
            return [Planned(target=target, event=event, body=payload) for target in await _concerned(event, payload)]
        if event == "approval.assigned":
            return [Planned(target=target, event=event, body=payload) for target in await _assignee(payload)]
        return []

    async def send(self, outgoing: Outgoing) -> Sent:
        """Write the mail from what stands now and hand it to the server, once."""
        member = await row(
            "SELECT name, email FROM members WHERE id = {} AND organization_id = {} AND disabled_at IS NULL",
            *(outgoing.target, outgoing.organization_id),
        )
        if member is None:
            return Sent(outcome="failed", detail="Not sent: they are no member any more.")
        to = Recipient(member["name"], member["email"])
        try:
            letter = await self._letter(outgoing, to)
        except NotWanted as because:
            return Sent(outcome="failed", detail=f"Not sent: {because}")
        now = datetime.now(UTC)
        try:
            message = composed(letter, to=to, sender=self._settings.mail_from, delivery_id=outgoing.id, now=now)
        except ValueError as error:
            return Sent(outcome="failed", detail=f"Not sent: the address is none ({error}).")
        return await transmit(message, self._settings, self._tls)

    async def close(self) -> None:
        """Every mail has a connection of its own; none is left."""

    async def _about_member(self, happening: Happening) -> list[Planned]:
        change = happening.payload["change"]
        event = f"member.{change}"
        if change in _MEMBER_ALARMS:
            return await self._alarm(happening, event)
        told = await _holder(happening.payload) if change == "password_link" else []
        return [Planned(target=target, event=event, body=happening.payload) for target in told]

    async def _alarm(self, happening: Happening, event: str) -> list[Planned]:
        found = await rows(
            "SELECT id FROM members WHERE organization_id = {} AND disabled_at IS NULL "
            "AND roles && ARRAY['admin', 'controller'] ORDER BY id",
            happening.organization_id,
        )
        return [Planned(target=member["id"], event=event, body=happening.payload) for member in found]

    async def _letter(self, outgoing: Outgoing, to: Recipient) -> Letter:
        """Raises NotWanted."""
        console_url = self._settings.console_url
        match outgoing.event.partition(".")[0]:
            case "approval":
                return await self._approval_letter(outgoing, to)
            case "dispute":
                return await _dispute_letter(outgoing, to, console_url)
            case "budget":
                alarm = await read_budget_alarm(outgoing.organization_id, outgoing.mode, outgoing.body)
                return budget_letter(alarm, name=to.name, console_url=console_url)
            case family:
                return await _LETTERS.get(family, _member_letter)(outgoing.body, to, console_url)

    async def _approval_letter(self, outgoing: Outgoing, to: Recipient) -> Letter:
        """The token is made here and goes nowhere but into the mail. Every attempt has one of its own."""
        approval_id = outgoing.body["approval_id"]
        sheet = await read_sheet(approval_id)
        if sheet is None or sheet.state != "pending":
            raise NotWanted(f"the approval is already {sheet.state if sheet else 'gone'}.")
        standing = (await standings([approval_id], outgoing.target))[approval_id]
        obstacle = standing.cannot_vote_because
        if obstacle is not None and outgoing.event not in _WITHOUT_A_VOTE:
            raise NotWanted(obstacle)
        return approval_letter(
            outgoing.event,
            sheet,
            name=to.name,
            in_place_of=standing.on_behalf_of_name,
            link=None if obstacle else await issue_link(sheet, outgoing.target, datetime.now(UTC)),
            api_url=self._settings.issuer,
            console_url=self._settings.console_url,
        )


async def _concerned(event: str, payload: Mapping[str, Any]) -> list[str]:
    """Who may vote now and wants mails; for a question also who can answer it: the one who asked for the money."""
    approval_id = payload["approval_id"]
    voters = [voter.member_id for voter in await eligible_voters(approval_id) if voter.notify_by_email]
    if event != "approval.question":
        return voters
    asker = await rows(
        "SELECT m.id FROM approvals a JOIN members m ON m.id = a.requested_by AND m.notify_by_email "
        "AND m.disabled_at IS NULL WHERE a.id = {}",
        approval_id,
    )
    return [*voters, *(member["id"] for member in asker)]


async def _about_budget(happening: Happening) -> list[Planned]:
    """Nobody is mailed of what is only watched."""
    payload = happening.payload
    told = await answerable(happening.organization_id, payload) if payload["surface_mode"] == "enforce" else []
    return [Planned(target=target, event=f"budget.{payload['state']}", body=payload) for target in told]


async def _assignee(payload: Mapping[str, Any]) -> list[str]:
    found = await rows(
        "SELECT m.id FROM approvals a JOIN members m ON m.id = a.assignee_member_id AND m.notify_by_email "
        "AND m.disabled_at IS NULL WHERE a.id = {}",
        payload["approval_id"],
    )
    return [member["id"] for member in found]


async def _break_glass_letter(payload: Mapping[str, Any], to: Recipient, console_url: str) -> Letter:
    sheet = await read_sheet(payload["approval_id"])
    glass = await row(
        "SELECT b.alone, b.reason, m.name FROM break_glass b JOIN members m ON m.id = b.opened_by WHERE b.id = {}",
        payload["break_glass_id"],
    )
    if sheet is None or glass is None:
        raise NotWanted("what it is about is gone.")
    return break_glass_letter(
        sheet,
        state=payload["state"],
        alone=glass["alone"],
        reason=glass["reason"],
        by=glass["name"],
        name=to.name,
        console_url=console_url,
    )


async def _bypass_letter(payload: Mapping[str, Any], to: Recipient, console_url: str) -> Letter:
    alarm = await read_bypass(payload["decision_id"])
    if alarm is None:
        raise NotWanted("what it is about is gone.")
    return bypass_letter(alarm, name=to.name, console_url=console_url)


async def _connection_letter(payload: Mapping[str, Any], to: Recipient, console_url: str) -> Letter:
    found = await row(
        "SELECT id, name, stripe_account_id, mode, status, status_reason FROM stripe_connections WHERE id = {}",
        payload["connection_id"],
    )
    if found is None or found["status"] != "revoked":
        raise NotWanted("the connection is not revoked any more.")
    return connection_letter(
        connection_id=found["id"],
        account=f"{found['name'] or found['stripe_account_id']} ({found['stripe_account_id']}, {found['mode']} mode)",
        reason=found["status_reason"] or "",
        name=to.name,
        console_url=console_url,
    )


async def _breaker_letter(payload: Mapping[str, Any], to: Recipient, console_url: str) -> Letter:
    found = await row(
        "SELECT b.*, t.observed, t.usual FROM breaker_trips t JOIN breakers b ON b.id = t.breaker_id WHERE t.id = {}",
        payload["trip_id"],
    )
    if found is None:
        raise NotWanted("what it is about is gone.")
    terms = msgspec.convert(found, BreakerTerms)
    return breaker_letter(
        terms,
        breaker=found["name"],
        state=payload["state"],
        measured=(measured(terms, found["observed"]), measured(terms, found["usual"])),
        trip_id=payload["trip_id"],
        name=to.name,
        console_url=console_url,
    )


async def _dispute_letter(outgoing: Outgoing, to: Recipient, console_url: str) -> Letter:
    alarm = await read_dispute_alarm(outgoing.organization_id, outgoing.mode, outgoing.event, outgoing.body)
    if alarm is None:
        raise NotWanted("what it is about is gone.")
    return dispute_letter(alarm, name=to.name, console_url=console_url)


async def _holder(payload: Mapping[str, Any]) -> list[str]:
    """The member whom a password link is for, where they have a password that it would replace."""
    found = await rows(
        "SELECT id FROM members WHERE id = {} AND password_hash <> '' AND disabled_at IS NULL", payload["member_id"]
    )
    return [member["id"] for member in found]


async def _member_letter(payload: Mapping[str, Any], to: Recipient, console_url: str) -> Letter:
    found = await row("SELECT name FROM members WHERE id = {}", payload["member_id"])
    return member_letter(
        change=payload["change"],
        whom=on_one_line(found["name"]) if found else payload["member_id"],
        roles=", ".join(payload.get("roles", ())),
        member_id=payload["member_id"],
        name=to.name,
        console_url=console_url,
    )


_LETTERS: Final = {
    "break_glass": _break_glass_letter,
    "breaker": _breaker_letter,
    "bypass": _bypass_letter,
    "connection": _connection_letter,
}
"""By the family of the event; what is about a member has the one that is left."""
