"""What mails say: the question to a voter, and the alarms to those who answer for the organization."""

from typing import Final

from activities.budget_alarm import BudgetAlarm
from activities.bypass_alarm import BypassAlarm
from activities.dispute_alarm import DisputeAlarm
from activities.email_message import Letter
from axiru.domain.approval_sheet import ApprovalSheet
from axiru.domain.breaker import BreakerTerms
from axiru.domain.sheet_lines import Line, Section, headline, on_one_line, sections, time_text
from axiru.email_links import IssuedLink

_OPENINGS: Final = {
    "approval.requested": ("Approval wanted", "Your approval is wanted."),
    "approval.reminder": ("Reminder", "This still waits for your approval."),
    "approval.escalated": ("Escalated", "This has waited for long; others may now stand in."),
    "approval.question": ("More information asked for", "Somebody asked for more information. The deadline stays."),
    "approval.assigned": ("Assigned to you", "This approval was assigned to you."),
}
_FOOTER: Final = (
    "Sent by Axiru because you take part in approvals. You can turn these mails off on your account's page."
)
_ALARM_FOOTER: Final = "Sent by Axiru to every admin and controller of your organization. Alarms cannot be turned off."

_BUDGET_FOOTER: Final = (
    "Sent by Axiru because you answer for this agent or are a finance manager. You can turn these mails off on your "
    "account's page."
)


def approval_letter(
    event: str,
    sheet: ApprovalSheet,
    *,
    name: str,
    in_place_of: str | None,
    link: IssuedLink | None,
    api_url: str,
    console_url: str,
) -> Letter:
    """The whole sheet without what is personal, and the way to vote for who may; else the way to the console."""
    title, opening = _OPENINGS[event]
    seat = [f"You vote in the place of {on_one_line(in_place_of)}, who is out of office."] if in_place_of else []
    in_console = _console_link(console_url, f"decisions/{sheet.decision_id}")
    below = [f"In the console: {in_console[1]}"] if in_console and link else []
    if link is not None:
        below.insert(
            0,
            f"The link is yours alone: do not pass it on. It is good for one vote until {time_text(link.expires_at)}, "
            "and opening it changes nothing.",
        )
    return Letter(
        subject=f"{title}: {headline(sheet)}, {sheet.reason}",
        greeting=f"Hello {on_one_line(name)},",
        paragraphs=(
            opening,
            f"{headline(sheet)}, asked by {on_one_line(sheet.requested_by.name)}: {on_one_line(sheet.message)}",
            *seat,
        ),
        link=("See everything and vote", f"{api_url.rstrip('/')}/email/approvals/{link.token}") if link else in_console,
        below_link=tuple(below),
        sections=sections(sheet, personal=False),
        footer=_FOOTER,
        about=sheet.approval_id,
    )


def break_glass_letter(
    sheet: ApprovalSheet, *, state: str, alone: bool, reason: str, by: str, name: str, console_url: str
) -> Letter:
    """Somebody approves past quorum and roles, or has."""
    how = "by one person alone" if alone else "by two people"
    what = f"was used {how}" if state == "used" else f"is {state}, {how}"
    return Letter(
        subject=f"ALARM: break-glass {what}: {headline(sheet)}",
        greeting=f"Hello {on_one_line(name)},",
        paragraphs=(f"Break-glass {what}. Opened by {on_one_line(by)}: {on_one_line(reason)}",),
        link=_console_link(console_url, f"decisions/{sheet.decision_id}"),
        below_link=(),
        sections=sections(sheet, personal=False),
        footer=_ALARM_FOOTER,
        about=sheet.approval_id,
    )


def breaker_letter(
    terms: BreakerTerms,
    *,
    breaker: str,
    state: str,
    measured: tuple[str, str],
    trip_id: str,
    name: str,
    console_url: str,
) -> Letter:
    """A circuit breaker tripped. `measured` is what the window held, and what is usual."""
    what = "set a freeze" if state == "engaged" else "proposes a freeze"
    named = ", ".join(f"{key} {value}" for key, value in terms.scope.items())
    lines = (
        Line("Breaker", on_one_line(breaker)),
        Line(f"In the last {terms.window_seconds} s", measured[0]),
        Line("Usually", measured[1]),
        Line("Freeze of", on_one_line(named)),
    )
    return Letter(
        subject=f"ALARM: circuit breaker {on_one_line(breaker)} {what}: {measured[0]}, usually {measured[1]}",
        greeting=f"Hello {on_one_line(name)},",
        paragraphs=(
            f"The circuit breaker {on_one_line(breaker)} tripped and {what} of {on_one_line(named)}.",
            "Nothing that it names moves until somebody lifts the freeze."
            if state == "engaged"
            else "Nothing is frozen until somebody accepts the proposal.",
        ),
        link=_console_link(console_url, "controls"),
        below_link=(),
        sections=(Section("What was measured", lines),),
        footer=_ALARM_FOOTER,
        about=trip_id,
    )


def bypass_letter(alarm: BypassAlarm, *, name: str, console_url: str) -> Letter:
    """A movement was seen on Stripe that had never asked."""
    what = f"{alarm.movement} of {alarm.amount}, made on Stripe without asking"
    lines = (
        Line("On Stripe", f"{alarm.stripe_object_id} on {alarm.stripe_account_id} ({alarm.mode} mode)"),
        Line("Amount", alarm.amount),
        Line("Why it is told", on_one_line(alarm.why)),
        Line("Had somebody asked", on_one_line(alarm.advised)),
        Line("Recorded as", alarm.decision_id),
    )
    return Letter(
        subject=f"ALARM: bypass: {what}",
        greeting=f"Hello {on_one_line(name)},",
        paragraphs=(f"{what[0].upper()}{what[1:]}.", "It has happened already: nothing was stopped."),
        link=_console_link(console_url, f"decisions/{alarm.decision_id}"),
        below_link=(),
        sections=(Section("What was seen", lines),),
        footer=_ALARM_FOOTER,
        about=alarm.decision_id,
    )


def budget_letter(alarm: BudgetAlarm, *, name: str, console_url: str) -> Letter:
    """A budget fills up, or has stopped something."""
    what = f"{alarm.used} of {alarm.ceiling} used within {alarm.within} by {on_one_line(alarm.of)}"
    lines = (
        Line("Whose", f"{on_one_line(alarm.of)} ({alarm.mode} mode)"),
        Line("Used", f"{alarm.used} of {alarm.ceiling}, {alarm.percent} %"),
        Line("Within", alarm.within),
        Line("Rule", on_one_line(alarm.rule)),
        Line("Last decision", alarm.decision_id),
    )
    return Letter(
        subject=f"{alarm.title}: {what}",
        greeting=f"Hello {on_one_line(name)},",
        paragraphs=(f"{alarm.title}: {what}.", alarm.effect),
        link=_console_link(console_url, f"decisions/{alarm.decision_id}"),
        below_link=(),
        sections=(Section("The budget", lines),),
        footer=_BUDGET_FOOTER,
        about=alarm.decision_id,
    )


def dispute_letter(alarm: DisputeAlarm, *, name: str, console_url: str) -> Letter:
    """A dispute's deadline is near or over, or Axiru answers it by itself."""
    told = (
        ("Dispute", f"{alarm.dispute_id} ({alarm.mode} mode)"),
        ("Amount", alarm.amount),
        ("Reason", on_one_line(alarm.reason)),
        ("Charge", alarm.charge),
        ("Evidence due by", alarm.due_by),
        ("Why Axiru answers", alarm.why),
        ("Its decision", alarm.decision_id),
    )
    return Letter(
        subject=f"{alarm.title}: dispute of {alarm.amount}",
        greeting=f"Hello {on_one_line(name)},",
        paragraphs=(f"A dispute of {alarm.amount}. {alarm.message}",),
        link=_console_link(console_url, f"disputes/{alarm.dispute_id}"),
        below_link=(),
        sections=(Section("The dispute", tuple(Line(label, value) for label, value in told if value)),),
        footer=_ALARM_FOOTER,
        about=alarm.dispute_id,
    )


def connection_letter(*, connection_id: str, account: str, reason: str, name: str, console_url: str) -> Letter:
    """Stripe takes the tokens of a connection no more: nothing is seen or done on that account."""
    return Letter(
        subject=f"ALARM: no access to {on_one_line(account)} at Stripe any more",
        greeting=f"Hello {on_one_line(name)},",
        paragraphs=(
            f"Axiru has no access to {on_one_line(account)} any more. {on_one_line(reason)}",
            "Until it is connected again, nothing that happens on it is seen, and what Axiru is to do on it fails.",
        ),
        link=_console_link(console_url, f"connectors/{connection_id}"),
        below_link=(),
        sections=(),
        footer=_ALARM_FOOTER,
        about=connection_id,
    )


def member_letter(*, change: str, whom: str, roles: str, member_id: str, name: str, console_url: str) -> Letter:
    """Somebody was given a role, their log-in was locked, or a link was made that replaces their password."""
    what, meaning = {
        "role_granted": (
            f"{whom} now holds: {roles}",
            "Roles decide who may approve money. If you do not know of this, ask whoever gave it.",
        ),
        "password_link": (
            f"A link was made that sets a new password for {whom}",
            "Whoever opens it first has the log-in. If you did not ask for it, tell another admin at once.",
        ),
    }.get(
        change, (f"The log-in of {whom} was locked", "Too many wrong passwords were tried. It opens again by itself.")
    )
    return Letter(
        subject=f"ALARM: {what}",
        greeting=f"Hello {on_one_line(name)},",
        paragraphs=(
            f"{what}.",
            meaning,
        ),
        link=_console_link(console_url, "members"),
        below_link=(),
        sections=(),
        footer=_ALARM_FOOTER,
        about=member_id,
    )


def _console_link(console_url: str, path: str) -> tuple[str, str] | None:
    return ("Open in the console", f"{console_url.rstrip('/')}/{path}") if console_url else None
