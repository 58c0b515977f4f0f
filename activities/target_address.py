"""Requests to addresses that somebody else chose: resolved once, every address checked, connected to what was checked.

Between the check and the connection nothing is resolved again, so a name that answers differently the second time (DNS
rebinding) reaches nothing. The connection is to the address; the name goes into Host, SNI and the certificate's check.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address, ip_address
from typing import Final

import httpx
import msgspec

from axiru.domain.webhook_target import Address, TargetRefused, WebhookTarget, refused_because
from axiru.errors import AxiruError

LIMIT_SECONDS: Final = 10.0
MOST_ANSWER_BYTES: Final = 4_096
_RESOLVE_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 4.0
_BODY_SECONDS: Final = 2.0
_MOST_ADDRESSES: Final = 3

# Threads of its own: a resolver that hangs for these names keeps none from the rest of the process.
_resolvers: Final = ThreadPoolExecutor(16, "resolve")

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


class TargetUnreachable(AxiruError):
    """Nothing answered: no such name, no connection, no certificate to trust, or not in time."""

    code = "target_unreachable"


class Answered(msgspec.Struct, frozen=True):
    """What the other side said, of which the body's beginning is kept."""

    status: int
    headers: httpx.Headers
    text: str


async def resolved(host: str, port: int) -> list[Address]:
    """Every address of a name, each once, as the system's resolver has them. Raises OSError."""
    found = await asyncio.get_running_loop().run_in_executor(
        _resolvers, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return list(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))


async def checked_addresses(target: WebhookTarget, resolve: Resolve, *, insecure: bool) -> Sequence[Address]:
    """The addresses of a target, all of which a webhook may go to.

    One that it may not go to refuses them all: a name does not become harmless by being somewhere else as well. Raises
    TargetRefused, TargetUnreachable.
    """
    if target.address is not None:
        addresses: Sequence[Address] = [target.address]
    else:
        try:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                addresses = await resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise TargetUnreachable(f"{target.host} has no address: {_told(error)}.") from error
    if not addresses:
        raise TargetUnreachable(f"{target.host} has no address.")
    for address in addresses:
        if because := refused_because(address, insecure=insecure):
            raise TargetRefused(f"A webhook does not go to {address}: {because}.", field="url")
    return addresses


async def post(
    target: WebhookTarget,
    addresses: Sequence[Address],
    *,
    content: bytes,
    headers: dict[str, str],
    tls: ssl.SSLContext,
) -> Answered:
    """Send to the first of the checked addresses that can be connected to, within 10 s. Follows no redirect.

    Raises TargetUnreachable; whether the other side has read the message is then not known.
    """
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            for address in addresses[:_MOST_ADDRESSES]:
                try:
                    return await _post(target, address, content=content, headers=headers, tls=tls)
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                    failure = error
    except TimeoutError as error:
        raise TargetUnreachable(f"No answer within {LIMIT_SECONDS:.0f} s.") from error
    except httpx.HTTPError as error:
        raise TargetUnreachable(f"No answer: {_told(error)}.") from error
    raise TargetUnreachable(f"No connection: {_told(failure)}.") from failure


async def _post(
    target: WebhookTarget, address: Address, *, content: bytes, headers: dict[str, str], tls: ssl.SSLContext
) -> Answered:
    host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    # A client of its own: a connection kept for one name at this address must never carry a message for another.
    async with (
        httpx.AsyncClient(
            verify=tls, trust_env=False, timeout=httpx.Timeout(LIMIT_SECONDS, connect=_CONNECT_SECONDS)
        ) as client,
        client.stream(
            "POST",
            f"{target.scheme}://{host}:{target.port}{target.path}",
            content=content,
            # No compression: what is read is what was sent, and a few bytes cannot become many.
            headers=headers | {"Host": target.authority, "Accept-Encoding": "identity", "Connection": "close"},
            extensions={"sni_hostname": target.host.strip("[]")},
            follow_redirects=False,
        ) as response,
    ):
        return Answered(response.status_code, response.headers, await _beginning(response))


async def _beginning(response: httpx.Response) -> str:
    """The first bytes of the body. One that does not end, or breaks off, takes nothing from the status."""
    read = bytearray()
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) >= MOST_ANSWER_BYTES:
                    break
    return bytes(read[:MOST_ANSWER_BYTES]).decode("utf-8", "replace")


def _told(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
