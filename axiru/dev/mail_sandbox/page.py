"""The mailbox as pages: a list, and one mail with its headers and its text."""

import re
from collections.abc import Sequence
from html import escape
from typing import Final

from axiru.dev.mail_sandbox.mailbox import Mail

_STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
a { color: inherit } li { margin: .6rem 0 } pre { white-space: pre-wrap; overflow-wrap: anywhere }
small, dt { opacity: .7 } dt { float: left; clear: left; width: 11rem }
dd { margin-left: 11rem; overflow-wrap: anywhere }
"""
_LINK: Final = re.compile(r"https?://[^\s<>\"&]+")


def list_page(mails: Sequence[Mail]) -> str:
    """Every mail, newest first."""
    items = "".join(
        f'<li><a href="/mails/{escape(mail.name)}">{escape(mail.subject)}</a><br>'
        f"<small>to {escape(', '.join(mail.recipients))} · {mail.received_at:%Y-%m-%d %H:%M:%S} UTC</small></li>"
        for mail in mails
    )
    return _page("Mails", f"<ul>{items}</ul>" if items else "<p>No mail has come in yet.</p>")


def mail_page(mail: Mail) -> str:
    """One mail; its HTML part is a page of its own."""
    headers = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in mail.headers.items())
    text = _LINK.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(mail.text))
    html = f'<p><a href="/mails/{escape(mail.name)}/html">As HTML</a></p>' if mail.html else ""
    return _page(mail.subject, f'<p><a href="/">All mails</a></p><dl>{headers}</dl>{html}<pre>{text}</pre>')


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )
