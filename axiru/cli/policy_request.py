"""A request in a file, read as the API would read it, for `axiru policy explain`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from api.auth import Caller
from api.errors import InvalidBody
from api.intake.decision_body import read_decision
from api.intake.landing_body import read_landing
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
    if "intent" in raw:
        return _asked(file, lambda: read_decision({"idempotency_key": "explain", **raw}, NOBODY).ovt)
    if "rail" in raw:
        return _stated(raw, file)
    if "amount_cents" in raw and "currency" not in raw:
        raise click.ClickException(f"{file} needs a `currency`: a file has no connection to take it from.")
    return _asked(file, lambda: read_landing(raw, NOBODY).ovt)


def _asked(file: Path, read: Callable[[], Ovt]) -> Ovt:
    """The body of a request; what its connection could execute is not asked, for want of a database."""
    try:
        return read()
    except InvalidBody as invalid:
        wrong = "\n".join(f"  {error.field}: {error.message}" for error in invalid.field_errors)
        raise click.ClickException(f"{file} would be refused:\n{wrong}") from invalid


def _stated(raw: dict[str, Any], file: Path) -> Ovt:
    # A retry is the same movement, so the key says nothing about it.
    movement = {name: value for name, value in raw.items() if name != "idempotency_key"}
    try:
        return msgspec.convert(movement, Movement).ovt()
    except msgspec.ValidationError as error:
        raise click.ClickException(f"{file} is neither a request nor a movement: {error}.") from error
