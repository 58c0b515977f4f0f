"""Where messages go from a local stack: a stand-in for Slack, and one for a mail server."""

import sys

from axiru.dev.home import Home
from axiru.dev.http_probe import answers
from axiru.dev.part import Part
from axiru.dev.ports import LOOPBACK


def mail(home: Home, port: int, smtp_port: int) -> Part:
    """Takes mails over SMTP at `smtp_port` and shows them at `port`."""
    return Part(
        name="mail",
        title="Mailbox",
        command=(
            *(sys.executable, "-P", "-m", "axiru.dev.mail_sandbox", "--state", str(home.part("mail"))),
            *("--port", str(port), "--smtp-port", str(smtp_port)),
        ),
        log=home.log("mail"),
        is_ready=answers(f"http://{LOOPBACK}:{port}/_sandbox/health"),
    )


def slack(home: Home, port: int, *, api_url: str, signing_secret: str) -> Part:
    """Speaks Slack's Web API, and sends what people do there to `api_url`, signed."""
    return Part(
        name="slack",
        title="Slack sandbox",
        command=(
            *(sys.executable, "-P", "-m", "axiru.dev.slack_sandbox", "--state", str(home.part("slack"))),
            *("--port", str(port), "--api-url", api_url),
        ),
        log=home.log("slack"),
        # Not in the arguments, which every account on the machine can read.
        environment={"SLACK_SANDBOX_SIGNING_SECRET": signing_secret},
        is_ready=answers(f"http://{LOOPBACK}:{port}/_sandbox/health"),
    )
