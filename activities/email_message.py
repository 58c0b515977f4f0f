"""A mail as bytes: text and HTML of the same lines, headers that nothing a person wrote can add to."""

from collections.abc import Sequence
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape
from typing import Final

import msgspec

from axiru.domain.sheet_lines import Section, on_one_line

_LONGEST_SUBJECT: Final = 200
# A subject that is folded after its name is shown with a space in front of it.
_POLICY: Final = SMTP.clone(max_line_length=250)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail says. `about` is what it belongs to, so that mail programs keep mails about it together."""

    subject: str
    greeting: str
    paragraphs: tuple[str, ...]
    link: tuple[str, str] | None
    below_link: tuple[str, ...]
    sections: tuple[Section, ...]
    footer: str
    about: str


class Recipient(msgspec.Struct, frozen=True):
    """A member as mail reaches them."""

    name: str
    email: str


def composed(letter: Letter, *, to: Recipient, sender: str, delivery_id: str, now: datetime) -> EmailMessage:
    """Raises ValueError for an address that is none.

    `Message-ID` is made of the delivery's id, so that a mail that is sent twice is recognized as one; `Auto-Submitted`
    keeps absence notes away (RFC 3834). Nothing in it is loaded from anywhere: no picture, no counter.
    """
    sender_name, sender_address = parseaddr(sender)
    host = sender_address.rpartition("@")[2]
    message = EmailMessage(policy=_POLICY)
    message["From"] = _address(sender_name, sender_address)
    message["To"] = _address(to.name, to.email)
    message["Subject"] = on_one_line(letter.subject)[:_LONGEST_SUBJECT]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{delivery_id}@{host}>"
    message["References"] = f"<{letter.about}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text(letter))
    message.add_alternative(_html(letter), subtype="html")
    return message


def _address(name: str, address: str) -> Address:
    """Raises ValueError; the library raises several things, and takes an address of nothing."""
    try:
        made = Address(on_one_line(name), addr_spec=address)
    except (MessageError, IndexError) as error:
        raise ValueError(str(error)) from error
    if not made.username or not made.domain:
        raise ValueError("an address has a name and a domain")
    return made


def _text(letter: Letter) -> str:
    link = [f"{letter.link[0]}:\n{letter.link[1]}"] if letter.link else []
    listed = [
        "\n".join([section.heading.upper(), *(f"  {line.label}: {line.value}" for line in section.lines)])
        for section in letter.sections
    ]
    blocks = [letter.greeting, *letter.paragraphs, *link, *letter.below_link, *listed, f"-- \n{letter.footer}"]
    return "\n\n".join(blocks) + "\n"


def _html(letter: Letter) -> str:
    link = ""
    if letter.link:
        title, url = letter.link
        link = (
            f'<p><a href="{escape(url)}" style="display:inline-block;padding:.6em 1.2em;border-radius:.4em;'
            f'background:#1d4ed8;color:#ffffff;text-decoration:none">{escape(title)}</a></p>'
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"></head>'
        '<body style="font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:0 auto;padding:1em">'
        f"{_paragraphs([letter.greeting, *letter.paragraphs])}{link}{_paragraphs(letter.below_link)}"
        f"{''.join(map(_section, letter.sections))}<hr><p><small>{escape(letter.footer)}</small></p></body></html>"
    )


def _paragraphs(paragraphs: Sequence[str]) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)


def _section(section: Section) -> str:
    lines = "".join(
        f'<tr><td style="padding:.15em 1em .15em 0;vertical-align:top;opacity:.7">{escape(line.label)}</td>'
        f'<td style="padding:.15em 0;overflow-wrap:anywhere">{escape(line.value)}</td></tr>'
        for line in section.lines
    )
    return f'<h3>{escape(section.heading)}</h3><table style="border-collapse:collapse">{lines}</table>'
