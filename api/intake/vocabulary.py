"""The two ways outcomes are worded: the reference page's and the integration guide's."""

from typing import Annotated, Any, Final, Literal, cast

from litestar import Request
from msgspec import Meta

from api.auth import Caller
from api.errors import InvalidBody
from axiru.domain.evaluation import Outcome

OutcomeStyle = Literal["reference", "integration"]
HEADER: Final = "Axiru-Outcome-Style"

_REFERENCE: Final = {Outcome.ALLOW: "allowed", Outcome.REVIEW: "pending_approval", Outcome.DENY: "denied"}

OutcomeWord = Annotated[
    str,
    Meta(
        description="`allowed`, `pending_approval`, `denied`; in the integration style `allow`, `review`, `deny`",
        examples=["allowed"],
    ),
]


def style_for(request: Request[Caller, Any, Any]) -> OutcomeStyle:
    """The style of one request: its header, else its key's. Raises InvalidBody for a header that is neither."""
    return chosen_style(request.headers.get(HEADER), request.user)


def chosen_style(header: str | None, caller: Caller) -> OutcomeStyle:
    style = (header or caller.outcome_style).strip().lower()
    if style not in {"reference", "integration"}:
        raise InvalidBody.single(HEADER, "not_allowed", "This must be one of: reference, integration.")
    return cast(OutcomeStyle, style)


def word(outcome: Outcome | str, style: OutcomeStyle) -> str:
    """An outcome in the caller's words."""
    return _REFERENCE[Outcome(outcome)] if style == "reference" else Outcome(outcome).value


def from_word(text: str) -> Outcome | None:
    """The outcome that either style means by `text`, or authorizations do."""
    if text == "quarantine":
        return Outcome.REVIEW
    return next((outcome for outcome in Outcome if text in {outcome.value, _REFERENCE[outcome]}), None)
