"""The stretch of time that a comparison looks at."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NamedTuple

from litestar.params import QueryParameter

from api.errors import InvalidBody

DEFAULT_PERIOD: Final = timedelta(days=7)

SinceText = Annotated[
    str | None,
    QueryParameter(name="since", max_length=40, description="RFC 3339; left out: seven days before `until`"),
]
UntilText = Annotated[
    str | None, QueryParameter(name="until", max_length=40, description="RFC 3339, exclusive; left out: now")
]


class Period(NamedTuple):
    """From `since` on and before `until`."""

    since: datetime
    until: datetime

    @classmethod
    def parse(cls, since: str | None, until: str | None, *, now: datetime) -> "Period":
        """Raises InvalidBody for a time that is none, or ends before it begins."""
        end = _moment("until", until) if until is not None else now
        try:
            period = cls(_moment("since", since) if since is not None else end - DEFAULT_PERIOD, end)
        except OverflowError as error:
            raise InvalidBody.single("until", "out_of_range", "There is no time before this.") from error
        if period.since > period.until:
            raise InvalidBody.single("since", "out_of_range", "This is later than `until`.")
        return period


def _moment(field: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise InvalidBody.single(field, "malformed", "A time needs its zone, such as Z.")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidBody.single(field, "malformed", "This is not a time of RFC 3339.") from error
