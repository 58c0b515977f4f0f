"""Pages of a list, newest first: the cursor names the last row shown, so rows that arrive meanwhile move nothing."""

from datetime import datetime
from typing import Annotated, NamedTuple

from litestar.params import QueryParameter

from api.errors import InvalidBody
from axiru.domain import base64url
from axiru.domain.movement import Mode

Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=200, description="Rows on a page")]
CursorText = Annotated[
    str | None, QueryParameter(name="cursor", max_length=200, description="`next_cursor` of the page before")
]
ModeFilter = Annotated[Mode | None, QueryParameter(name="mode", description="For log-ins; a key sees its own mode")]


class Cursor(NamedTuple):
    """The place after one row of a list that is ordered by time and id, both descending."""

    at: datetime
    id: str

    def text(self) -> str:
        return base64url.encoded(f"{self.at.isoformat()} {self.id}".encode())

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises InvalidBody for what `text()` did not make."""
        try:
            at, _, identifier = base64url.decoded(text).decode().partition(" ")
            moment = datetime.fromisoformat(at)
            if moment.tzinfo is None or "\x00" in identifier:
                raise ValueError(at)
        except ValueError as error:
            raise InvalidBody.single("cursor", "malformed", "This is not a cursor of this list.") from error
        return cls(moment, identifier)
