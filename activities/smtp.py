"""One conversation with the mail server, and how it went."""

import ssl
from email.message import EmailMessage
from typing import Final

import aiosmtplib
from aiosmtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException, SMTPSenderRefused

from axiru.domain.delivery import Sent
from axiru.settings import Settings

_SECONDS: Final = 20.0
_LONGEST_DETAIL: Final = 500
_PERMANENT: Final = 500


async def transmit(message: EmailMessage, settings: Settings, tls: ssl.SSLContext) -> Sent:
    """Hand a mail to the server. A 5xx answer to this mail is for good, everything else is tried again.

    With `starttls` or `tls` nothing is said before the connection is encrypted and its certificate was checked; a
    server that does not offer STARTTLS gets no mail. RFC 3207 §5.
    """
    sender, recipients = ([address.addr_spec for address in message[header].addresses] for header in ("From", "To"))
    try:
        _, answer = await aiosmtplib.send(
            # As it was written: the library would fold headers by a policy of its own.
            message.as_bytes(),
            sender=sender[0],
            recipients=recipients,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password or None,
            use_tls=settings.smtp_security == "tls",
            # Never None, by which the library takes TLS only where it is offered.
            start_tls=settings.smtp_security == "starttls",
            tls_context=None if settings.smtp_security == "none" else tls,
            timeout=_SECONDS,
        )
    except SMTPRecipientsRefused as refused:
        return _judged(refused.recipients[0].code, refused.recipients[0].message)
    except (SMTPSenderRefused, SMTPDataError) as refused:
        return _judged(refused.code, refused.message)
    except SMTPResponseException as refused:
        # Not about this mail, but a greeting, a log-in: once that is put right, the mails of the meantime are sent.
        return Sent(outcome="retry", status=refused.code, detail=refused.message[:_LONGEST_DETAIL])
    except (SMTPException, OSError) as failure:
        return Sent(outcome="retry", detail=f"{type(failure).__name__}: {failure}"[:_LONGEST_DETAIL])
    return Sent(outcome="delivered", status=250, detail=answer[:_LONGEST_DETAIL])


def _judged(code: int, said: str) -> Sent:
    return Sent(outcome="failed" if code >= _PERMANENT else "retry", status=code, detail=said[:_LONGEST_DETAIL])
