"""The kinds of text that bodies are made of, with their limits."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

AmountCents = Annotated[int, Meta(ge=1, le=99_999_999_999, description="Amount in the currency's minor unit")]
Currency = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=3,
        pattern="^[A-Za-z]{3}$",
        description="ISO 4217 code, as usd",
    ),
]
Identifier = Annotated[str, Meta(min_length=1, max_length=255)]
AgentId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=r"\S",
        description="Some text; blanks around it do not count",
    ),
]
ShortText = Annotated[str, Meta(min_length=1, max_length=100)]
Email = Annotated[str, Meta(min_length=1, max_length=320)]
TenureDays = Annotated[int, Meta(ge=0, le=100_000, description="Days since the customer's first purchase")]
IdempotencyKey = Annotated[str, Meta(min_length=1, max_length=255, description="The same for every retry of a request")]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its zone")]
Reason = Annotated[str, Meta(max_length=2_000)]
Metadata = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=40)], Annotated[str, Meta(max_length=500)]],
    Meta(max_length=50, description="Up to 50 entries, as Stripe's metadata: keys of 40, values of 500 characters"),
]


def folded(name: str | None) -> str | None:
    """A code as rules and freezes compare it: `Fraudulent ` must not pass a rule about `fraudulent`."""
    return name.strip().casefold() if name is not None else None
