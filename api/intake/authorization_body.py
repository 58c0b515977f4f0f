"""The body of `POST /api/v1/authorizations`, and the movement it asks for: read by the rail that it names."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace

from api.auth import Caller
from api.errors import FieldError, InvalidBody
from api.fields import decode
from api.fingerprint import fingerprint
from api.intake.agent_identity import checked_initiator
from api.intake.ap2_body import OF_AP2
from api.intake.authorization_common import AuthorizationBody, RailReader
from api.intake.authorization_currency import IN_CURRENCY
from api.intake.decision_body import extra_context, extra_errors
from api.intake.request import Asked
from api.intake.x402_body import OF_X402
from axiru.domain.authorization import AGENT_SURFACES, ENDPOINT

READERS: Final[Mapping[str, RailReader]] = {"ap2": OF_AP2, "stripe_daa": IN_CURRENCY, "x402": OF_X402}
"""The rails that authorizations are asked for on."""

SHAPES: Final[tuple[type[AuthorizationBody], ...]] = tuple(dict.fromkeys(one.shape for one in READERS.values()))


async def read_authorization(raw: Mapping[str, Any], caller: Caller) -> Asked:
    """The request in `raw`. Raises InvalidBody naming every field that is wrong.

    A body without a rail, or of an unknown one, is read as one in a currency, so that its other mistakes are named too.
    """
    rail = raw.get("rail")
    reader = READERS.get(rail, IN_CURRENCY) if isinstance(rail, str) else IN_CURRENCY
    errors: dict[str, FieldError] = {}
    body: AuthorizationBody | None = None
    try:
        body = decode(raw, reader.shape)
    except InvalidBody as invalid:
        errors = {error.field: error for error in invalid.field_errors}
    for error in _rule_errors(raw):
        errors.setdefault(error.field, error)
    # What a rail says of a field knows more than its shape does: that it is of an earlier version, say.
    errors |= {error.field: error for error in reader.errors(raw)}
    if errors or body is None:
        raise InvalidBody(list(errors.values()))
    ovt = reader.movement(body, extra_context(raw), caller)
    asked = await checked_initiator(Asked(ENDPOINT, fingerprint(raw), ovt), caller)
    return replace(asked, ovt=await reader.completed(body, asked.ovt, caller)) if reader.completed else asked


def _rule_errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    """What no schema can say. Reads the raw body, to see half-wrong ones too."""
    rail, rail_action = raw.get("rail"), raw.get("rail_action")
    if rail == "stripe":
        yield FieldError("rail", "not_allowed", "Movements on Stripe itself are asked for at /api/v1/decisions.")
    elif isinstance(rail, str) and rail not in READERS:
        yield FieldError("rail", "not_allowed", f"This must be one of: {', '.join(sorted(READERS))}.")
    elif isinstance(rail, str) and isinstance(rail_action, str) and f"{rail}.{rail_action}" not in AGENT_SURFACES:
        actions = sorted(surface.partition(".")[2] for surface in AGENT_SURFACES if surface.startswith(f"{rail}."))
        yield FieldError("rail_action", "not_allowed", f"On this rail it must be one of: {', '.join(actions)}.")
    yield from extra_errors(raw)
