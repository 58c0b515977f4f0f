"""The page behind a link in a mail: everything about one approval, and a form to vote by. Needs no script.

It loads nothing from anywhere, may be framed by nobody, tells no other site its address, and is kept by no cache.
"""

import secrets
from html import escape
from typing import Final

import msgspec

from axiru.domain.approval import ApprovalState, Verdict
from axiru.domain.approval_sheet import ApprovalSheet
from axiru.domain.sheet_lines import Section, headline, on_one_line, sections

_STYLE: Final = """
:root { color-scheme: light dark; --line: #d4d4d8; --soft: #52525b; --ground: #fafafa; --card: #ffffff;
  --alarm: #b91c1c }
@media (prefers-color-scheme: dark) {
  :root { --line: #3f3f46; --soft: #a1a1aa; --ground: #18181b; --card: #27272a; --alarm: #fca5a5 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
main { max-width: 44rem; margin: 0 auto; padding: 1.25rem 1rem 3rem }
h1 { font-size: 1.5rem; margin: .5rem 0 } h2 { font-size: 1rem; margin: 0 0 .5rem }
section, form { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem; margin: 1rem 0 }
dl { margin: 0 } dt { color: var(--soft); font-size: .875rem } dd { margin: 0 0 .6rem }
@media (min-width: 34rem) { dl { display: grid; grid-template-columns: 13rem 1fr; gap: .3rem 1rem } dd { margin: 0 } }
label { display: block }
textarea { width: 100%; min-height: 5.5rem; font: inherit; margin: .4rem 0 1rem; padding: .5rem }
button { font: inherit; font-weight: 600; min-height: 2.9rem; padding: .5rem 1.2rem; margin: 0 .6rem .6rem 0;
  border: 1px solid transparent; border-radius: .5rem; cursor: pointer; color: #ffffff; background: #15803d }
button.deny { background: #b91c1c } button:focus-visible, textarea:focus-visible { outline: 3px solid #2563eb }
p.alarm { color: var(--alarm); font-weight: 600 } small { color: var(--soft) }
"""

_STATES: Final[dict[ApprovalState, str]] = {
    "pending": "More people have to approve before anything happens.",
    "approved": "Everybody who was needed has approved.",
    "denied": "It is denied and will not be executed.",
    "expired": "Its deadline has passed; it is denied.",
}


class Page(msgspec.Struct, frozen=True):
    """A page and the headers that it is only safe with."""

    html: str
    headers: dict[str, str]


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
    return _page(
        headline(sheet),
        f"<h1>{what}</h1><p>{escape(on_one_line(sheet.message))}</p>{''.join(map(_section, sections(sheet)))}{form}",
    )


def voted_page(verdict: Verdict, state: ApprovalState) -> Page:
    """The vote was sealed."""
    title = "You approved" if verdict == "approve" else "You denied"
    return notice_page(title, f"Your vote is sealed. {_STATES[state]} This link is used up.")


def notice_page(title: str, message: str) -> Page:
    """A page that says one thing, and nothing about any approval beyond it."""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(message)}</p>")


def _section(section: Section) -> str:
    lines = "".join(f"<dt>{escape(line.label)}</dt><dd>{escape(line.value)}</dd>" for line in section.lines)
    return f"<section><h2>{escape(section.heading)}</h2><dl>{lines}</dl></section>"


def _page(title: str, body: str) -> Page:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return Page(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<title>{escape(title)} · Axiru</title><style nonce="{nonce}">{_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>",
        {
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Robots-Tag": "noindex, nofollow",
            "X-Frame-Options": "DENY",
        },
    )
