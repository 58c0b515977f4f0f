"""The stand-in as one application: SMTP beside it for as long as it runs, pages at `/`, JSON under `/_sandbox`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiosmtpd.smtp import SMTP
from litestar import Litestar, Response, delete, get
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from axiru.dev.mail_sandbox.mailbox import Mail, Mailbox
from axiru.dev.mail_sandbox.page import list_page, mail_page

# What a mail brings along loads nothing and runs nothing.
_CAGE: Final = {"Content-Security-Policy": "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'"}


def create_app(mailbox: Mailbox, *, smtp_host: str, smtp_port: int) -> Litestar:
    """An application that takes mails while it runs. Raises OSError at its start for a port in use."""

    @asynccontextmanager
    async def taking_mails(_: Litestar) -> AsyncIterator[None]:
        # Without TLS, which the loopback address does not need.
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(mailbox, hostname="localhost", enable_SMTPUTF8=True), smtp_host, smtp_port
        )
        yield
        server.close()

    @get("/", media_type=MediaType.HTML, sync_to_thread=True)
    def show_all() -> str:
        return list_page(mailbox.mails())

    @get("/mails/{name:str}", media_type=MediaType.HTML, sync_to_thread=True)
    def show(name: FromPath[str]) -> str:
        return mail_page(_found(name))

    @get("/mails/{name:str}/html", sync_to_thread=True)
    def show_html(name: FromPath[str]) -> Response[str]:
        return Response(_found(name).html, media_type=MediaType.HTML, headers=_CAGE)

    @get("/_sandbox/health", sync_to_thread=False)
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @get("/_sandbox/mails", sync_to_thread=True)
    def list_mails() -> dict[str, list[Mail]]:
        return {"data": mailbox.mails()}

    @delete("/_sandbox/mails", sync_to_thread=True)
    def forget() -> None:
        mailbox.forget()

    def _found(name: str) -> Mail:
        mail = mailbox.mail(name)
        if mail is None:
            raise NotFoundException
        return mail

    return Litestar(
        [show_all, show, show_html, health, list_mails, forget],
        lifespan=[taking_mails],
        openapi_config=None,
        logging_config=None,
    )
