"""The stand-in for a mail server as a part of the stack: takes mails, shows them, and survives a kill."""

import asyncio
import os
import signal
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx
import psutil
import pytest
from aiosmtpd.smtp import Envelope

from axiru.dev.dev_json import DevJson
from axiru.dev.mail_sandbox.app import create_app
from axiru.dev.mail_sandbox.mailbox import KEPT, Mailbox

StartStack = Callable[..., Any]


def mail(subject: str, text: str = "Please vote: https://axiru.example/x?a=1", html: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "axiru@house.example", "vera@house.example", subject
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def smtp_port_of(pid: int) -> int:
    arguments = psutil.Process(pid).cmdline()
    return int(arguments[arguments.index("--smtp-port") + 1])


async def test_mails_are_taken_shown_and_survive_a_kill(start_stack: StartStack, tmp_path: Path) -> None:
    stack = start_stack(tmp_path / "home", "--only", "mail")
    announced: DevJson = stack.ready()
    port = smtp_port_of(announced.pids.mail or 0)
    assert f"mail {announced.messages_url}" in stack.said()

    await aiosmtplib.send(
        mail("Hello <b>Vera</b>", html="<script>alert(1)</script>"), hostname="127.0.0.1", port=port, start_tls=False
    )
    async with httpx.AsyncClient(base_url=announced.messages_url) as client:
        (kept,) = (await client.get("/_sandbox/mails")).json()["data"]
        assert (kept["recipients"], kept["links"]) == (["vera@house.example"], ["https://axiru.example/x?a=1"])
        listed = await client.get("/")
        assert "Hello &lt;b&gt;Vera&lt;/b&gt;" in listed.text
        shown = await client.get(f"/mails/{kept['name']}")
        assert '<a href="https://axiru.example/x?a=1">' in shown.text
        html = await client.get(f"/mails/{kept['name']}/html")
        assert html.headers["content-security-policy"].startswith("sandbox")
        for nothing in ("..%2f..%2fsecrets", "x", kept["name"] + "0"):
            assert (await client.get(f"/mails/{nothing}")).status_code == 404

        os.kill(announced.pids.mail or 0, signal.SIGKILL)
        stack.wait_until_said("Mailbox runs again", timeout_seconds=60)

        assert [each["name"] for each in (await client.get("/_sandbox/mails")).json()["data"]] == [kept["name"]]
        await client.delete("/_sandbox/mails")
        assert (await client.get("/_sandbox/mails")).json()["data"] == []
    assert stack.stop() == 0


def test_slack_and_mail_leave_nothing_when_the_stack_is_killed(start_stack: StartStack, tmp_path: Path) -> None:
    stack = start_stack(tmp_path / "home", "--only", "slack,mail")
    announced = stack.ready()
    assert httpx.get(f"{announced.slack_url}/_sandbox/health").status_code == 200
    family = stack.family()
    assert len(family) >= 2
    stack.process.kill()
    stack.process.wait(10)

    _, survivors = psutil.wait_procs(family, timeout=10)

    assert survivors == []


async def test_a_port_that_is_taken_is_said_at_the_start(tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    app = create_app(Mailbox(tmp_path), smtp_host="127.0.0.1", smtp_port=taken.sockets[0].getsockname()[1])
    with pytest.raises(BaseException) as refused:  # noqa: PT011 - Litestar wraps it in a group
        async with app.lifespan():
            pass
    taken.close()
    assert "address already in use" in repr(refused.value).lower()


async def test_the_oldest_mails_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("axiru.dev.mail_sandbox.mailbox.KEPT", 3)
    assert KEPT > 3
    mailbox = Mailbox(tmp_path)
    for number in range(5):
        await mailbox.handle_DATA(*_arriving(mail(f"Mail {number}")))
    assert [each.subject for each in mailbox.mails()] == ["Mail 4", "Mail 3", "Mail 2"]


def _arriving(message: EmailMessage) -> Any:
    envelope = Envelope()
    envelope.mail_from, envelope.rcpt_tos, envelope.content = "a@b.example", ["c@d.example"], message.as_bytes()
    return None, None, envelope
