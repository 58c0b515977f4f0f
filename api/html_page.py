"""The frame of every page that the API shows a browser by itself. Needs no script.

It loads nothing from anywhere, may be framed by nobody, tells no other site its address, and is kept by no cache.
"""

import secrets
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import msgspec
from litestar import Response
from litestar.enums import MediaType

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
button.deny { background: #b91c1c }
button:focus-visible, a:focus-visible, textarea:focus-visible { outline: 3px solid #2563eb }
a { color: inherit }
p.alarm { color: var(--alarm); font-weight: 600 } small { color: var(--soft) }
"""


class Page(msgspec.Struct, frozen=True):
    """A page and the headers that it is only safe with."""

    html: str
    headers: dict[str, str]


def html_page(title: str, body: str, *, form_targets: Sequence[str] = ()) -> Page:
    """`body` is HTML whose texts are escaped already; `form_targets` are origins that a form may lead to besides."""
    nonce = secrets.token_urlsafe(16)
    forms = " ".join(("'self'", *form_targets))
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
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


def notice_page(title: str, message: str, *, back: str = "") -> Page:
    """A page that says one thing, and leads `back` to the console where that has an address."""
    link = f'<p><a href="{escape(back)}">Back to Axiru</a></p>' if back else ""
    return html_page(title, f"<h1>{escape(title)}</h1><p>{escape(message)}</p>{link}")


def shown(page: Page, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """The page as an answer."""
    return Response(
        page.html.encode(),
        status_code=status,
        media_type=MediaType.HTML,
        headers={**page.headers, **(headers or {})},
    )
