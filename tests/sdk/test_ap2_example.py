"""The example that signs AP2 mandates, as a stranger runs it."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from axiru.dev.dev_json import DevJson

EXAMPLE = Path(__file__).parents[2] / "examples" / "ap2_mandate.py"


@pytest.fixture
def trusted_for_now(stack: DevJson) -> Iterator[None]:
    """Whatever issuers the example registers are trusted no longer than its test."""
    headers = {"authorization": f"Bearer {stack.api_keys['admin']}"}
    with httpx.Client(base_url=stack.api_url, headers=headers) as admin:
        yield
        for issuer in admin.get("/api/v1/ap2-issuers").raise_for_status().json()["items"]:
            if issuer["name"] == "A provider to try" and issuer["removed_at"] is None:
                admin.delete(f"/api/v1/ap2-issuers/{issuer['id']}").raise_for_status()


@pytest.mark.usefixtures("trusted_for_now")
@pytest.mark.parametrize(("cents", "covered"), [("19900", True), ("51000", False)])
def test_its_mandate_verifies_and_covers_what_it_says(stack: DevJson, cents: str, covered: bool) -> None:
    environment = {
        **os.environ,
        "AXIRU_URL": stack.api_url,
        "AXIRU_API_KEY": stack.api_keys["authorizations"],
        "AXIRU_ADMIN_KEY": stack.api_keys["admin"],
    }
    command = [sys.executable, str(EXAMPLE), uuid.uuid4().hex, cents]
    run = subprocess.run(  # noqa: S603 - our own example
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    # What policy says of a mandate that covers the payment is another matter.
    assert ("mandate" not in run.stdout) == covered
    assert covered or run.stdout == "deny axiru.deny.mandate_amount_out_of_range\n"
