"""A request in a file, read as the API would read it, for `axiru policy explain`."""

from pathlib import Path
from typing import Any

import click
import msgspec

from api.auth import Caller
from api.errors import InvalidBody
from api.intake.decision_body import read_decision
from axiru.domain.movement import Ovt
from policies.cases import Movement

# A file has no caller; rules that read the initiator see a key of this name.
NOBODY = Caller(
    organization_id="local",
    organization_name="local",
    member_id="local",
    member_name="local",
    member_email="",
    roles=(),
    permissions=frozenset(),
    subject="local",
    requests_per_minute=0,
    outcome_style="reference",
    api_key_id="local",
    mode="test",
)


def read_request(file: Path) -> Ovt:
    """The movement that FILE asks for. Raises click.ClickException naming everything that is wrong with it."""
    try:
        raw: Any = msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError as error:
        raise click.ClickException(f"{file} is not JSON: {error}.") from error
    if not isinstance(raw, dict):
        raise click.ClickException(f"{file} does not hold a JSON object.")
    return _asked(raw, file) if "intent" in raw else _stated(raw, file)


def _asked(raw: dict[str, Any], file: Path) -> Ovt:
    """A body of POST /api/v1/decisions; whether its connection could execute is not asked, for want of a database."""
    try:
        return read_decision({"idempotency_key": "explain", **raw}, NOBODY).ovt
    except InvalidBody as invalid:
        wrong = "\n".join(f"  {error.field}: {error.message}" for error in invalid.field_errors)
        raise click.ClickException(f"{file} would be refused:\n{wrong}") from invalid


def _stated(raw: dict[str, Any], file: Path) -> Ovt:
    try:
        return msgspec.convert(raw, Movement).ovt()
    except msgspec.ValidationError as error:
        raise click.ClickException(f"{file} is neither a request nor a movement: {error}.") from error
