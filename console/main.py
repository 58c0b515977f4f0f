"""The console's process: pages over the HTTP API, until SIGTERM."""

import importlib.util
import os
import signal
from functools import partial
from typing import Final

import httpx
from nicegui import app, core, ui

from axiru.errors import ConfigurationInvalid
from axiru.settings import Settings
from console import theme
from console.api_client import TIMEOUT_SECONDS
from console.entry import Console
from console.pages import (
    account,
    agents,
    approvals,
    budgets,
    connect_stripe,
    connections_out,
    connector,
    connectors,
    controls,
    decision,
    dispute,
    disputes,
    draft,
    keys,
    list_proposal,
    lists,
    login,
    mandate_issuers,
    members,
    missing,
    onboarding,
    one_list,
    password,
    policies,
    policy,
    queue,
    replay,
    replay_files,
    replays,
    surface,
    templates,
    token_keys,
)
from console.security_headers import SecurityHeaders
from console.sessions import SessionStore
from console.socket_guard import SameOriginSockets, guard_pages

RECONNECT_SECONDS: Final = 15.0
"""How long a page is kept for a browser whose connection broke."""

PAGES: Final = (
    login,
    password,
    account,
    queue,
    decision,
    approvals,
    policies,
    draft,
    # Before the page of one policy, which would take `templates` for its name.
    templates,
    policy,
    lists,
    list_proposal,
    one_list,
    replay_files,
    replays,
    replay,
    controls,
    members,
    keys,
    onboarding,
    connect_stripe,
    connectors,
    connector,
    disputes,
    dispute,
    connections_out,
    agents,
    budgets,
    mandate_issuers,
    surface,
    token_keys,
    missing,
)


def serve(settings: Settings, desktop: bool = False) -> None:
    """Serve the console until SIGTERM or Ctrl-C, then return; with `desktop`, in a window of its own.

    Raises ConfigurationInvalid without a secret for cookies, or when a window is wanted and `pywebview` is not there.
    """
    settings.require("console_secret", "api_url")
    if desktop and importlib.util.find_spec("webview") is None:
        raise ConfigurationInvalid("A window of its own needs the package pywebview: `uv pip install pywebview`.")
    # No limit on connections: every log-in keeps one open for its events.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    http = httpx.AsyncClient(base_url=settings.api_url, timeout=TIMEOUT_SECONDS, limits=limits)
    _build(Console(settings, http, SessionStore(http)))
    _run(settings, desktop)


def _build(console: Console) -> None:
    theme.install()
    https_only = console.settings.console_https_only
    # The one added last is asked first: a socket that is refused has its headers, too.
    app.add_middleware(SameOriginSockets, https_only=https_only)
    app.add_middleware(SecurityHeaders, https_only=https_only)
    guard_pages(core.sio, console.sessions)
    for page in PAGES:
        page.register(console)
    app.get("/healthz", include_in_schema=False)(_alive)
    app.on_shutdown(console.sessions.close_all)
    app.on_shutdown(console.http.aclose)


async def _alive() -> dict[str, str]:
    return {"status": "ok"}


def _run(settings: Settings, desktop: bool) -> None:
    # NiceGUI takes this variable, inherited from a test run that started the product, for its own test mode.
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    # uvicorn stops in order and then raises the signal again; without a handler that would end in 143 instead of 0.
    for stopping in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stopping, _already_stopped)
    run = partial(ui.run, native=True, window_size=(1280, 860)) if desktop else ui.run
    run(
        host=settings.console_host,
        port=settings.console_port,
        title="Axiru",
        favicon=theme.STATIC / "favicon.svg",
        dark=None,
        language="en-US",
        reload=False,
        show=False,
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=RECONNECT_SECONDS,
        storage_secret=settings.console_secret,
        # Lax, not strict: a link to a decision in a mail or a chat must find the reader logged in.
        session_middleware_kwargs={
            "session_cookie": "axiru_console",
            "same_site": "lax",
            "https_only": settings.console_https_only,
            "max_age": settings.session_hours * 3600,
        },
        uvicorn_logging_level=settings.log_level,
        # Searches stand in the address and may name customers.
        access_log=False,
        timeout_graceful_shutdown=3,
    )


def _already_stopped(signal_number: int, frame: object) -> None:
    del signal_number, frame
