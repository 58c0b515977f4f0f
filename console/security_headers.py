"""What a browser may do with a page on which money is approved: run our scripts, load from here, never be framed."""

import secrets
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS: Final = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HTTPS_ONLY: Final = {"Strict-Transport-Security": "max-age=31536000"}
"""A year, for this host alone (RFC 6797): what else runs on its subdomains is not the console's to say."""


class SecurityHeaders:
    """ASGI middleware. Gives every response its headers and every script of a page the response's own nonce.

    The console's components have render functions and use no `run_javascript`, so `unsafe-eval` is not needed; NiceGUI
    writes its start script into the page, hence the nonce. Marking each `<script` is sound because NiceGUI escapes `<`
    in everything that elements and titles hold. Styles need `unsafe-inline`: NiceGUI and Quasar write style elements.
    """

    def __init__(self, app: ASGIApp, *, https_only: bool) -> None:
        self._app = app
        self._headers = _HEADERS | (_HTTPS_ONLY if https_only else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        # NiceGUI would write this header's value into scripts; the console is served from the root.
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"x-forwarded-prefix"]
        await self._app(scope, receive, _Rewriting(send, self._headers, nonce))


class _Rewriting:
    """Sends on what it is given; HTML is kept until whole, to be sent with nonces and its new length."""

    def __init__(self, send: Send, headers: dict[str, str], nonce: str) -> None:
        self._send = send
        self._headers = headers
        self._nonce = nonce
        self._page: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            headers.update(self._headers)
            headers["Content-Security-Policy"] = _policy(self._nonce)
            if headers.get("content-type", "").startswith("text/html"):
                self._page = message
            else:
                await self._send(message)
        elif self._page is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_page(self._page)

    async def _send_page(self, start: Message) -> None:
        page = bytes(self._body).replace(b"<script", f'<script nonce="{self._nonce}"'.encode())
        MutableHeaders(raw=start["headers"])["content-length"] = str(len(page))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": page})


def _policy(nonce: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
