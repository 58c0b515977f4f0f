"""The page behind a link in a mail: everything about one approval, and a form to vote by."""

from html import escape
from typing import Final

from api.html_page import Page, html_page, notice_page
from axiru.domain.approval import ApprovalState, Verdict
from axiru.domain.approval_sheet import ApprovalSheet
from axiru.domain.sheet_lines import Section, headline, on_one_line, sections

_STATES: Final[dict[ApprovalState, str]] = {
    "pending": "More people have to approve before anything happens.",
    "approved": "Everybody who was needed has approved.",
    "denied": "It is denied and will not be executed.",
    "expired": "Its deadline has passed; it is denied.",
}


def vote_page(
    sheet: ApprovalSheet, *, voter: str, in_place_of: str | None = None, complaint: str = "", reason: str = ""
) -> Page:
    """The whole sheet and the form; `complaint` is what was wrong with it as it was sent, with `reason` in it."""
    alarm = f'<p class="alarm" role="alert">{escape(complaint)}</p>' if complaint else ""
    what = escape(headline(sheet))
    seat = f"<p>You vote in the place of {escape(on_one_line(in_place_of))}.</p>" if in_place_of else ""
    form = (
        f'<form method="post"><h2>Your vote, {escape(on_one_line(voter))}</h2>{alarm}{seat}'
        '<label for="reason">Reason (needed to deny)</label>'
        f'<textarea id="reason" name="reason" maxlength="2000">{escape(reason)}</textarea>'
        '<button name="verdict" value="approve">Approve</button>'
        '<button class="deny" name="verdict" value="deny">Deny</button>'
        "<div><small>Your vote is sealed under your name, for exactly what is shown here, "
        "and cannot be taken back.</small></div></form>"
    )
    return html_page(
        headline(sheet),
        f"<h1>{what}</h1><p>{escape(on_one_line(sheet.message))}</p>{''.join(map(_section, sections(sheet)))}{form}",
    )


def voted_page(verdict: Verdict, state: ApprovalState) -> Page:
    """The vote was sealed."""
    title = "You approved" if verdict == "approve" else "You denied"
    return notice_page(title, f"Your vote is sealed. {_STATES[state]} This link is used up.")


def _section(section: Section) -> str:
    lines = "".join(f"<dt>{escape(line.label)}</dt><dd>{escape(line.value)}</dd>" for line in section.lines)
    return f"<section><h2>{escape(section.heading)}</h2><dl>{lines}</dl></section>"
