"""`python -m axiru.dev.sandbox`: serve the Stripe sandbox until Ctrl-C or SIGTERM."""

import logging
import signal
import sys
import time
from pathlib import Path

import click
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from axiru.dev.sandbox.app import DROP_CONNECTION, create_app
from axiru.dev.sandbox.request_schema import RequestSchema
from axiru.dev.sandbox.seeds import seed_once
from axiru.dev.sandbox.store import SandboxStateUnusable, Store
from axiru.dev.sandbox.webhooks import Webhooks

GRACE_SECONDS = 3


class DroppableConnection(HttpToolsProtocol):
    """HTTP/1.1 whose connection the application may abort, for the fault that loses an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {DROP_CONNECTION: self.transport.abort}  # type: ignore[dict-item]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, required=True)
@click.option("--state", type=click.Path(path_type=Path), required=True, help="A .sqlite file, or a directory for one.")
@click.option("--account", default="acct_demo", show_default=True, help="Account of requests without Stripe-Account.")
@click.option("--webhook-url", help="Where signed events go; none are sent without it.")
@click.option("--webhook-secret", help="Signs the events: whsec_…")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where the Stripe App may send its installers.")
@click.option("--validate-with", help="Address of a running stripe-mock that every request is checked by.")
def main(
    host: str,
    port: int,
    state: Path,
    account: str,
    webhook_url: str | None,
    webhook_secret: str | None,
    redirect_uris: tuple[str, ...],
    validate_with: str | None,
) -> None:
    """Serve a stateful stand-in for Stripe's API."""
    if (webhook_url is None) != (webhook_secret is None):
        raise click.UsageError("--webhook-url and --webhook-secret belong together.")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        store = Store(state if state.suffix == ".sqlite" else state / "stripe-sandbox.sqlite")
    except SandboxStateUnusable as error:
        raise click.ClickException(error.message) from error
    seed_once(store, account=account, now=int(time.time()))
    app = create_app(
        store,
        default_account=account,
        webhooks=Webhooks(store, url=webhook_url, secret=webhook_secret) if webhook_url and webhook_secret else None,
        schema=RequestSchema(validate_with) if validate_with else None,
        redirect_uris=redirect_uris,
    )
    # uvicorn raises the signal again once it has shut down; these handlers turn that into exit code 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=DroppableConnection,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


if __name__ == "__main__":
    main()
