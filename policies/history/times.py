"""The times of an export, as UTC. A time without a zone is UTC, as Stripe's exports are."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_ISO: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?\s?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.IGNORECASE,
)
_SPACE_BEFORE_ZONE: Final = re.compile(r"(?<=[0-9])\s(?=Z|[+-])")
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})[/.]([0-9]{1,2})[/.]([0-9]{1,2})(.*)")
_SHORT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(?::[0-9]{2})?")
_UNIX: Final = re.compile(r"[0-9]{9,10}(?:\.[0-9]{1,6})?")
_SLASHED: Final = re.compile(
    r"(?P<one>[0-9]{1,2})[/.](?P<two>[0-9]{1,2})[/.](?P<year>[0-9]{4})"
    r"(?:,?\s+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?\s?(?P<half>[AaPp][Mm])?)?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class TimeUnreadable(ValueError):
    """Why the text is no time; `code` is `invalid_time` or `ambiguous_time`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_time(text: str) -> datetime:
    """`2024-03-01 12:34`, ISO 8601, Unix seconds, or a date with slashes that can only be read one way.

    Raises TimeUnreadable.
    """
    try:
        # The form of nearly every row, first.
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC) if _SHORT.fullmatch(text) else _other(text.strip())
    except (ValueError, OverflowError) as error:
        if isinstance(error, TimeUnreadable):
            raise
        raise TimeUnreadable("invalid_time", f"“{text[:40]}” is not a time") from None
    if not _EARLIEST <= moment < _LATEST:
        raise TimeUnreadable("invalid_time", f"“{text[:40]}” is not a time at which a payment was made")
    return moment


def _other(text: str) -> datetime:
    if _ISO.fullmatch(text):
        iso = _SPACE_BEFORE_ZONE.sub("", text.upper().replace("UTC", "Z").replace(",", "."))
        moment = datetime.fromisoformat(iso)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if (dated := _YEAR_FIRST.fullmatch(text)) is not None:
        return _other(f"{dated[1]}-{int(dated[2]):02d}-{int(dated[3]):02d}{dated[4]}")
    if _UNIX.fullmatch(text):
        return _EPOCH + timedelta(seconds=float(text))
    found = _SLASHED.fullmatch(text)
    if found is None:
        raise TimeUnreadable("invalid_time", f"“{text[:40]}” is not a time such as 2024-03-01 12:34")
    one, two = int(found["one"]), int(found["two"])
    if one <= 12 and two <= 12 and one != two:
        message = f"“{text[:40]}” may be {one}/{two} or {two}/{one}; write dates as 2024-03-01"
        raise TimeUnreadable("ambiguous_time", message)
    month, day = (two, one) if one > 12 else (one, two)
    hour = int(found["hour"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            raise TimeUnreadable("invalid_time", f"“{text[:40]}” is not a time")
        hour = hour % 12 + (12 if found["half"].lower() == "pm" else 0)
    return datetime(
        int(found["year"]), month, day, hour, int(found["minute"] or 0), int(found["second"] or 0), tzinfo=UTC
    )
