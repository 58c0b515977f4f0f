"""The Stripe side of the stack: Axiru's stateful sandbox, and Stripe's own mock that validates what is sent to it."""

import sys
from pathlib import Path

from axiru.dev.home import Home
from axiru.dev.http_probe import answers
from axiru.dev.part import Part
from axiru.dev.ports import LOOPBACK


def stripe_mock(home: Home, binary: Path, port: int) -> Part:
    """Stripe's mock: stateless, knows every parameter Stripe knows."""
    return Part(
        name="stripe-mock",
        title="stripe-mock",
        # HTTPS on any loopback port: left out, it takes 12112 on every interface, which two stacks would share.
        command=(str(binary), "-http-addr", f"{LOOPBACK}:{port}", "-https-addr", f"{LOOPBACK}:"),
        log=home.log("stripe-mock"),
        # Without a key it answers 401: it is there.
        is_ready=answers(f"http://{LOOPBACK}:{port}/", below=500),
    )


def sandbox(
    home: Home, port: int, *, webhook_url: str, webhook_secret: str, redirect_uri: str, validate_with: str | None
) -> Part:
    """The sandbox: keeps charges and refunds, sends signed events to `webhook_url`."""
    validation = () if validate_with is None else ("--validate-with", validate_with)
    return Part(
        name="stripe",
        title="Stripe sandbox",
        command=(
            *(
                sys.executable,
                "-P",
                "-m",
                "axiru.dev.sandbox",
                "--port",
                str(port),
                "--state",
                str(home.part("stripe")),
            ),
            *("--webhook-url", webhook_url, "--webhook-secret", webhook_secret, "--redirect-uri", redirect_uri),
            *validation,
        ),
        log=home.log("stripe"),
        is_ready=answers(f"http://{LOOPBACK}:{port}/_sandbox/health"),
    )
