"""`time_of_day: {zone: America/New_York, from: "09:00", until: "17:00", days: [mon, fri]}`: the local time of decision.

`until` is exclusive and may be "24:00". A span that wraps midnight belongs to the day it began: 22:00 to 06:00 on `fri`
holds on Saturday at 05:00. Local time is what clocks in the zone show, so where they are put forward the skipped hour
never comes, and where they are put back the repeated hour counts twice. Zones come from the wheel `tzdata` alone, never
from the machine, so that every machine answers the same.
"""

import re
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

import yaml

from policies.conditions.base import Condition, Scope, Test
from policies.conditions.predicates import Vocabulary
from policies.facts import Facts
from policies.reading import Reader

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 1440

ZONE = Vocabulary(re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}"), "an IANA name, e.g. America/New_York")
CLOCK_TIME = Vocabulary(re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00"), "hours and minutes, 00:00 to 24:00")


class TimeOfDay(Condition, frozen=True):
    """Minutes count from local midnight. `days` are in week order; none means every day."""

    kind: ClassVar[str] = "time_of_day"

    zone: str
    from_minute: int = 0
    until_minute: int = MINUTES_A_DAY
    days: tuple[str, ...] = ()

    @classmethod
    def read(cls, node: yaml.Node, reader: Reader) -> Self:
        entries = reader.mapping(node, ("zone", "from", "until", "days"), required=("zone",))
        zone = ZONE.read(entries["zone"], reader)
        if zone and zone not in zone_names():
            hint = reader.nearest(zone, zone_names()) or ZONE.hint
            reader.report(entries["zone"], "unknown_zone", f"there is no time zone `{zone}`", hint)
        start, end = _minute(entries.get("from"), reader), _minute(entries.get("until"), reader)
        if ("from" in entries) is not ("until" in entries):
            reader.report(node, "missing_key", "`from` and `until` belong together", 'from: "09:00", until: "17:00"')
        if start == MINUTES_A_DAY or (start is not None and start == end):
            reader.report(node, "invalid_value", "this span has no length", "`until` is exclusive and may be 24:00")
        days = _days(entries["days"], reader) if "days" in entries else ()
        # Midnight ends a day under two names; one of them is enough.
        read = cls(zone, start or 0, end or MINUTES_A_DAY, () if len(days) == len(DAYS) else days)
        if not reader.errors and read == cls(zone):
            reader.report(node, "invalid_value", "this is every minute of the week", "give `from`, `until` or `days`")
        return read

    def written(self) -> Any:
        document: dict[str, Any] = {"zone": self.zone}
        if (self.from_minute, self.until_minute) != (0, MINUTES_A_DAY):
            document |= {"from": clock_text(self.from_minute), "until": clock_text(self.until_minute)}
        if self.days:
            document["days"] = list(self.days)
        return document

    def test(self, scope: Scope, *, negated: bool = False) -> Test:  # noqa: ARG002 - the same in every scope
        zone, start, end = zone_of(self.zone), self.from_minute, self.until_minute
        days = frozenset(DAYS.index(day) for day in self.days or DAYS)
        expected, wraps = not negated, start > end

        def is_then(_facts: Facts, now: datetime) -> bool:
            local = now.astimezone(zone)
            minute, day = local.hour * 60 + local.minute, local.weekday()
            if wraps and minute < end:
                return ((day - 1) % 7 in days) is expected
            within = minute >= start if wraps else start <= minute < end
            return (within and day in days) is expected

        return is_then

    def fact_names(self, scope: Scope) -> tuple[str, ...]:  # noqa: ARG002 - it reads the time alone
        return ()


@cache
def zone_names() -> frozenset[str]:
    """Every zone there is."""
    return frozenset((files("tzdata") / "zones").read_text("utf-8").split())


@cache
def zone_of(name: str) -> ZoneInfo:
    """The zone of one of `zone_names`."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


def clock_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _minute(node: yaml.Node | None, reader: Reader) -> int | None:
    if node is None:
        return None
    hours, _, minutes = CLOCK_TIME.read(node, reader).partition(":")
    return int(hours) * 60 + int(minutes) if hours else None


def _days(node: yaml.Node, reader: Reader) -> tuple[str, ...]:
    nodes = reader.sequence(node) if isinstance(node, yaml.SequenceNode) else [node]
    named = {reader.choice(item, DAYS) for item in nodes}
    return tuple(day for day in DAYS if day in named)
