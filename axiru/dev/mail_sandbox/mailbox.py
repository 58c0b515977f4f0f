"""The mails that came in, one `.eml` file each, as they were sent."""

import itertools
import re
import time
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from axiru.dev.files import write_private

KEPT: Final = 2_000
_NAME: Final = re.compile(r"\d{20}-\d{6}")
_LINK: Final = re.compile(r"https?://[^\s<>\"]+")


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail. `recipients` are those of the SMTP envelope; `links` are those in its text."""

    name: str
    sender: str
    recipients: list[str]
    subject: str
    received_at: datetime
    headers: dict[str, str]
    text: str
    html: str
    links: list[str]


class Mailbox:
    """A directory of mails, newest first. Keeps the newest `KEPT`; as an aiosmtpd handler it takes whatever comes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._numbers = itertools.count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Keep the mail, with its envelope in front of its own headers."""
        name = f"{time.time_ns():020d}-{next(self._numbers) % 1_000_000:06d}"
        routed = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        write_private(self._directory / f"{name}.eml", routed.encode() + content)
        for old in sorted(self._directory.glob("*.eml"))[:-KEPT]:
            old.unlink(missing_ok=True)
        return "250 OK"

    def mails(self) -> list[Mail]:
        """All that are kept, newest first."""
        return [_read(path) for path in sorted(self._directory.glob("*.eml"), reverse=True)]

    def mail(self, name: str) -> Mail | None:
        """The mail of this name, if it is kept."""
        path = self._directory / f"{name}.eml"
        return _read(path) if _NAME.fullmatch(name) and path.exists() else None

    def forget(self) -> None:
        """Delete every mail."""
        for path in self._directory.glob("*.eml"):
            path.unlink(missing_ok=True)


def _read(path: Path) -> Mail:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    text = _part(message, "plain")
    return Mail(
        name=path.stem,
        sender=str(message["X-Envelope-From"]),
        recipients=str(message["X-Envelope-To"]).split(", "),
        subject=str(message["Subject"]),
        received_at=datetime.fromtimestamp(int(path.stem.partition("-")[0]) / 1e9, UTC),
        headers={name: str(value) for name, value in message.items()},
        text=text,
        html=_part(message, "html"),
        links=_LINK.findall(text),
    )


def _part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    return str(found.get_content()) if found is not None else ""
