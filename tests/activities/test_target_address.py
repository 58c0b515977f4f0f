"""Where a webhook may go. Whoever sets one up would otherwise choose what our network connects to."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from activities.target_address import TargetUnreachable, checked_addresses, post
from axiru.domain.webhook_target import Address, TargetRefused, parse_target, refused_because

REFUSED_ADDRESSES = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),  # noqa: S104
    *("169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "168.63.129.16"),
    *("192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.7"),
    *("203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1:ffff::a00:1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1"),
    *("2001:20::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1"),
    *("ff02::1", "ff0e::1", "100::1", "4000::1", "5f00::1", "8000::1"),
]
PUBLIC_ADDRESSES = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.215.14",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
]


@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
def test_address_that_is_not_public_is_refused(address: str) -> None:
    assert refused_because(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_public_address_is_taken(address: str) -> None:
    assert refused_because(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "168.63.129.16", "fe80::1"])
def test_local_stack_lifts_nothing_but_loopback_and_private(address: str) -> None:
    assert refused_because(ipaddress.ip_address(address), insecure=True)
    assert refused_because(ipaddress.ip_address("127.0.0.1"), insecure=True) is None


@given(st.ip_addresses())
def test_what_python_holds_not_to_be_public_is_refused_too(address: Address) -> None:
    if not address.is_global or address.is_multicast:
        assert refused_because(address)


@given(st.ip_addresses(v=4))
def test_no_ipv6_spelling_of_an_ipv4_address_is_a_way_in(address: ipaddress.IPv4Address) -> None:
    inside = int(address)
    for disguise in (0xFFFF << 32 | inside, inside, 0x64FF9B << 96 | inside, 0x2002 << 112 | inside << 80):
        assert refused_because(ipaddress.IPv6Address(disguise))


@pytest.mark.parametrize(
    "url",
    [
        *("", "https://", "https:///path", "//example.com", "example.com", "ftp://example.com", "javascript:alert(1)"),
        *(
            "http://example.com/",
            "https://user@example.com/",
            "https://user:pw@example.com/",
            "https://example.com@10.0.0.1/",
        ),
        *(
            "https://example.com/#part",
            "https://example.com\\@10.0.0.1/",
            "https://example.com/ a",
            "https://example.com/\n",
        ),
        *("https://127.1/", "https://2130706433/", "https://0x7f.0.0.1/", "https://0x7f000001/", "https://0177.0.0.1/"),
        *("https://127.0.0.01/", "https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest/"),
        *("https://1.2.3/", "https://1.2.3.4.5/", "https://999.1.1.1/", "https://[::1]/", "https://[fe80::1%25eth0]/"),
        *("https://[::ffff:127.0.0.1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[1.2.3.4]/", "https://[::1/"),
        *("https://example.com./", "https://.example.com/", "https://a..example.com/", "https://-a.example.com/"),
        *("https://localhost/", "https://receiver/", "https://metadata.google.internal/", "https://printer.local/"),
        *("https://a.localhost/", "https://bücher.example/", "https://①②⑦.0.0.1/", "https://example.com:22/"),
        *("https://example.com:0/", "https://example.com:80/", "https://example.com:65536/", "https://example.com:/"),
        *(
            "https://example.com:8443:1/",
            "https://example.com:+443/",
            "https://example.com/%zz",
            "https://exa_mple.com/",
        ),
        *("https://" + "a" * 64 + ".example/", "https://example.com/" + "a" * 2_048, "https://example.123/"),
        *(
            "https://example.com%2f@10.0.0.1/",
            "https://example.com/\x00",
            "https://exam\tple.com/",
            " https://example.com/",
        ),
    ],
)
def test_url_that_has_more_than_one_reading_or_a_wrong_one_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        parse_target(url)


@pytest.mark.parametrize(
    ("url", "authority", "port", "path"),
    [
        ("https://hooks.example.com/axiru?token=1&x=%20", "hooks.example.com", 443, "/axiru?token=1&x=%20"),
        ("HTTPS://Hooks.Example.COM/Path", "hooks.example.com", 443, "/Path"),
        ("https://hooks.example.com", "hooks.example.com", 443, "/"),
        ("https://hooks.example.com:8443/", "hooks.example.com:8443", 8443, "/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://93.184.215.14/hook", "93.184.215.14", 443, "/hook"),
        ("https://[2606:4700::1111]:8443/", "[2606:4700::1111]:8443", 8443, "/"),
    ],
)
def test_usual_url_is_taken_apart(url: str, authority: str, port: int, path: str) -> None:
    target = parse_target(url)

    assert (target.authority, target.port, target.path) == (authority, port, path)


@given(st.text(max_size=80))
def test_no_text_is_more_than_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com/{text}", f"https://{text}.example.com/"):
        try:
            target = parse_target(url)
        except TargetRefused:
            continue
        assert target.address is None or refused_because(target.address) is None


async def test_one_address_that_is_refused_refuses_the_name() -> None:
    target = parse_target("https://hooks.example.com/")

    with pytest.raises(TargetRefused, match=r"10\.0\.0\.7"):
        await checked_addresses(target, _answering("93.184.215.14", "10.0.0.7"), insecure=False)


async def test_name_without_an_address_is_unreachable() -> None:
    async def unknown(host: str, port: int) -> Sequence[Address]:
        raise OSError("Name or service not known")

    target = parse_target("https://hooks.example.com/")
    for resolve in (unknown, _answering()):
        with pytest.raises(TargetUnreachable):
            await checked_addresses(target, resolve, insecure=False)


async def test_connection_goes_to_the_checked_address_under_the_name_it_was_asked_for(tmp_path: Path) -> None:
    """No resolver knows `hooks.example.com` as loopback here: only what was checked can have been connected to."""
    seen: list[tuple[str | None, str]] = []

    async def received(request: web.Request) -> web.Response:
        tls = request.transport.get_extra_info("ssl_object") if request.transport else None
        seen.append((tls and tls.server_side and tls.context.name, request.headers["Host"]))
        return web.Response(text="thanks")

    async with _receiving(received, _tls_server(tmp_path, "hooks.example.com")) as port:
        target = parse_target(f"https://hooks.example.com:{port}/")
        answered = await post(
            target, [ipaddress.ip_address("127.0.0.1")], content=b"{}", headers={}, tls=_trusting(tmp_path)
        )

    assert (answered.status, answered.text) == (200, "thanks")
    assert seen == [("hooks.example.com", f"hooks.example.com:{port}")]


async def test_certificate_of_another_name_is_not_trusted(tmp_path: Path) -> None:
    async def received(request: web.Request) -> web.Response:
        return web.Response(text="never")

    async with _receiving(received, _tls_server(tmp_path, "other.example.com")) as port:
        target = parse_target(f"https://hooks.example.com:{port}/")
        with pytest.raises(TargetUnreachable, match=r"(?i)certificate"):
            await post(target, [ipaddress.ip_address("127.0.0.1")], content=b"{}", headers={}, tls=_trusting(tmp_path))


async def test_second_address_is_tried_when_nothing_listens_at_the_first() -> None:
    async def received(request: web.Request) -> web.Response:
        return web.Response(status=204)

    async with _receiving(received) as port:
        target = parse_target(f"http://hooks.example.com:{port}/", insecure=True)
        both = [ipaddress.ip_address("127.0.0.2"), ipaddress.ip_address("127.0.0.1")]
        answered = await post(target, both, content=b"{}", headers={}, tls=ssl.create_default_context())

    assert answered.status == 204


async def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def received(request: web.Request) -> web.Response:
        return web.Response()

    async with _receiving(received) as port:
        target = parse_target(f"http://127.0.0.1:{port}/", insecure=True)
        assert target.address is not None
        answered = await post(target, [target.address], content=b"{}", headers={}, tls=ssl.create_default_context())

    assert answered.status == 200


async def test_body_that_does_not_end_takes_nothing_from_the_status() -> None:
    async def received(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"so far")
        await asyncio.sleep(30)
        return response

    async with _receiving(received) as port:
        target = parse_target(f"http://127.0.0.1:{port}/", insecure=True)
        assert target.address is not None
        answered = await post(target, [target.address], content=b"{}", headers={}, tls=ssl.create_default_context())

    assert (answered.status, answered.text) == (200, "so far")


def _answering(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[Address]]]:
    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ipaddress.ip_address(address) for address in addresses]

    return resolve


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def _receiving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A receiver on loopback; yields its port."""
    app = web.Application()
    app.router.add_post("/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


class _Named(ssl.SSLContext):
    """Remembers the name that the client asked for in its TLS greeting."""

    name: str | None = None


def _tls_server(directory: Path, name: str) -> ssl.SSLContext:
    """A certificate for `name`, signed by itself; `_trusting` trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = _Named(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "certificate.pem", directory / "key.pem")

    def asked_for(_connection: object, asked: str | None, _context: object) -> None:
        context.name = asked

    context.sni_callback = asked_for
    return context


def _trusting(directory: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(directory / "certificate.pem"))
