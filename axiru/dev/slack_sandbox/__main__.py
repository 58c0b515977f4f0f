"""`python -m axiru.dev.slack_sandbox`: serve the stand-in for Slack until Ctrl-C or SIGTERM."""

import logging
import signal
import sys
from pathlib import Path

import click
import msgspec
import uvicorn

from axiru.dev.slack_sandbox.app import create_app
from axiru.dev.slack_sandbox.gestures import Gestures
from axiru.dev.slack_sandbox.people import BOT_TOKEN
from axiru.dev.slack_sandbox.state import StateFile
from axiru.dev.slack_sandbox.web_api import WebApi

GRACE_SECONDS = 3


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, required=True)
@click.option("--state", type=click.Path(path_type=Path), required=True, help="The directory that keeps the workspace.")
@click.option("--signing-secret", envvar="SLACK_SANDBOX_SIGNING_SECRET", required=True, help="Signs what is sent.")
@click.option("--api-url", required=True, help="Where the app is: /slack/interactions and so on are below it.")
@click.option("--bot-token", default=BOT_TOKEN, show_default=True, help="The only token that is taken.")
def main(host: str, port: int, state: Path, signing_secret: str, api_url: str, bot_token: str) -> None:
    """Serve a stateful stand-in for Slack."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    try:
        workspace = StateFile(state)
    except msgspec.DecodeError as error:
        raise click.ClickException(f"The workspace kept in {state} is damaged: {error}.") from error
    api = WebApi(workspace, bot_token)
    app = create_app(api, Gestures(api, api_url=api_url, signing_secret=signing_secret))
    # uvicorn raises the signal again once it has shut down; these handlers turn that into exit code 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    uvicorn.run(
        app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_SECONDS
    )


if __name__ == "__main__":
    main()
