"""`python -m axiru.dev.mail_sandbox`: serve the stand-in for a mail server until Ctrl-C or SIGTERM."""

import logging
import signal
import sys
from pathlib import Path

import click
import uvicorn

from axiru.dev.mail_sandbox.app import create_app
from axiru.dev.mail_sandbox.mailbox import Mailbox

GRACE_SECONDS = 3


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, required=True, help="Of the pages.")
@click.option("--smtp-port", type=int, required=True)
@click.option("--state", type=click.Path(path_type=Path), required=True, help="The directory that keeps the mails.")
def main(host: str, port: int, smtp_port: int, state: Path) -> None:
    """Take mails, deliver none, show them."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    app = create_app(Mailbox(state), smtp_host=host, smtp_port=smtp_port)
    # uvicorn raises the signal again once it has shut down; these handlers turn that into exit code 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    uvicorn.run(
        app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_SECONDS
    )


if __name__ == "__main__":
    main()
