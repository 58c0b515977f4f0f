"""`axiru keys rotate` where it cannot do its work."""

import base64
import secrets

import pytest
from click.testing import CliRunner

from axiru.cli.commands import axiru
from axiru.dev.ports import Ports


@pytest.mark.parametrize("kind", ["--jwks", "--vault"])
def test_a_database_out_of_reach_is_said_in_a_sentence(kind: str) -> None:
    environment = {
        "AXIRU_DATABASE_ADMIN_URL": f"postgresql://axiru_owner:x@127.0.0.1:{Ports().free()}/axiru",
        "AXIRU_VAULT_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "AXIRU_VAULT_KEY_FILE": "",
    }

    result = CliRunner().invoke(axiru, ["keys", "rotate", kind, "--rehearse"], env=environment)

    assert result.exit_code == 1
    assert "Error: PostgreSQL could not be worked with, as the tables' owner" in result.output
