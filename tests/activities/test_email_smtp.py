"""Real SMTP conversations: what the server says decides whether a mail is tried again; none goes out unencrypted."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from activities import smtp
from activities.smtp import transmit
from axiru.settings import Settings


class Server:
    """Answers as it is told, and keeps what it was given."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.taken: list[Envelope] = []
        self.encrypted: list[bool] = []

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.taken.append(envelope)
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 2.0.0 taken"


@asynccontextmanager
async def serving(
    answers: dict[str, str] | None = None, *, implicit_tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[tuple[Server, int]]:
    server = Server(answers or {})
    listening = await asyncio.get_running_loop().create_server(
        lambda: SMTP(server, hostname="localhost", **options), "127.0.0.1", 0, ssl=implicit_tls
    )
    yield server, listening.sockets[0].getsockname()[1]
    listening.close()


def a_mail() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "axiru@house.example", "voter@house.example", "Approval wanted"
    message.set_content("Please vote.")
    return message


def told(port: int, **settings: Any) -> Settings:
    return Settings(**{"smtp_host": "localhost", "smtp_port": port, "smtp_security": "none", **settings})


class Certificate:
    """A certificate for `localhost` that signs itself, as server and as the trust of a client."""

    def __init__(self, directory: Path, name: str = "localhost") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(named)
            .issuer_name(named)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self._certificate, self._key = directory / f"{name}.pem", directory / f"{name}.key"
        self._certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self._key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._key)
        return context

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._certificate))


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path)


async def test_mail_that_is_taken_is_delivered(certificate: Certificate) -> None:
    async with serving() as (server, port):
        sent = await transmit(a_mail(), told(port), certificate.trust())

    assert (sent.outcome, sent.status) == ("delivered", 250)
    assert server.taken[0].rcpt_tos == ["voter@house.example"]


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("answer", "outcome"), [("451 4.3.0 later", "retry"), ("550 5.1.1 nobody", "failed")])
async def test_4xx_is_tried_again_and_5xx_is_for_good(
    certificate: Certificate, command: str, answer: str, outcome: str
) -> None:
    async with serving({command: answer}) as (_, port):
        sent = await transmit(a_mail(), told(port), certificate.trust())

    assert (sent.outcome, sent.status) == (outcome, int(answer[:3]))
    assert answer[4:] in sent.detail


async def test_server_that_is_away_or_hangs_up_or_hangs_is_tried_again(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_SECONDS", 0.5)
    behaviours: list[Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]] = [
        lambda _reader, writer: writer.close(),
        lambda _reader, _writer: asyncio.sleep(3),
        lambda _reader, writer: writer.write(b"not smtp at all\r\n"),
        lambda _reader, writer: writer.write(b"554 go away\r\n"),
    ]
    for behave in behaviours:

        async def answer(reader: Any, writer: Any, behave: Any = behave) -> None:
            done = behave(reader, writer)
            if asyncio.iscoroutine(done):
                await done
            writer.close()

        listening = await asyncio.start_server(answer, "127.0.0.1", 0)
        sent = await transmit(a_mail(), told(listening.sockets[0].getsockname()[1]), certificate.trust())
        listening.close()
        assert sent.outcome == "retry", sent
    closed = listening_port_of_nobody()
    assert (await transmit(a_mail(), told(closed), certificate.trust())).outcome == "retry"


def listening_port_of_nobody() -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_starttls_encrypts_and_checks_the_certificate(certificate: Certificate, tmp_path: Path) -> None:
    async with serving(tls_context=certificate.server()) as (server, port):
        settings = told(port, smtp_security="starttls")
        assert (await transmit(a_mail(), settings, certificate.trust())).outcome == "delivered"
        # The system's own trust does not know it.
        untrusted = await transmit(a_mail(), settings, ssl.create_default_context())

    assert server.encrypted == [True]
    assert (untrusted.outcome, len(server.taken)) == ("retry", 1)


async def test_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    other = Certificate(tmp_path, "elsewhere.example")
    async with serving(tls_context=other.server()) as (server, port):
        sent = await transmit(a_mail(), told(port, smtp_security="starttls"), other.trust())

    assert (sent.outcome, server.taken) == ("retry", [])


async def test_no_mail_and_no_password_goes_to_a_server_without_starttls(certificate: Certificate) -> None:
    asked: list[str] = []

    async def authenticate(*_: Any) -> AuthResult:
        asked.append("password")
        return AuthResult(success=True)

    async with serving(auth_require_tls=False, authenticator=authenticate) as (server, port):
        settings = told(port, smtp_security="starttls", smtp_username="axiru", smtp_password="secret")
        sent = await transmit(a_mail(), settings, certificate.trust())

    assert (sent.outcome, server.taken, asked) == ("retry", [], [])
    assert "STARTTLS" in sent.detail


async def test_tls_from_the_first_byte(certificate: Certificate) -> None:
    async with serving(implicit_tls=certificate.server()) as (server, port):
        settings = told(port, smtp_security="tls")
        assert (await transmit(a_mail(), settings, certificate.trust())).outcome == "delivered"
        assert (await transmit(a_mail(), settings, ssl.create_default_context())).outcome == "retry"
    assert server.encrypted == [True]


@pytest.mark.parametrize(("password", "outcome"), [("right", "delivered"), ("wrong", "retry")])
async def test_a_wrong_password_keeps_mails_until_it_is_put_right(
    certificate: Certificate, password: str, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_SECONDS", 2)

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right")

    async with serving(
        tls_context=certificate.server(),
        authenticator=authenticate,
        auth_required=True,
        auth_exclude_mechanism=["LOGIN"],
    ) as (server, port):
        settings = told(port, smtp_security="starttls", smtp_username="axiru", smtp_password=password)
        sent = await transmit(a_mail(), settings, certificate.trust())

    assert sent.outcome == outcome, sent
    assert len(server.taken) == (outcome == "delivered")
    assert password not in sent.detail or password == "right"
