"""`time_of_day`: what clocks in a zone show at the time of decision, whatever machine asks."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from policies import PolicyInvalid, compile_policy, evaluate, parse, to_yaml
from policies.conditions.time_of_day import zone_names, zone_of


def policy(span: str) -> str:
    when = f"time_of_day: {{{span}}}"
    return f"policy: a-policy\napplies_to: {{rail: stripe}}\nrules:\n  - {{id: then, when: {{{when}}}, effect: deny}}\n"


def holds(span: str, at: str) -> bool:
    compiled = compile_policy(parse(policy(span)))
    facts = {"rail": "stripe", "rail_action": "refund"}
    return evaluate(compiled, facts, now=datetime.fromisoformat(at)).matched_rule_id == "then"


def local(at: str, zone: str, *, fold: int = 0) -> str:
    return datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC).isoformat()


OFFICE = 'zone: America/New_York, from: "09:00", until: "17:00", days: [mon, tue, wed, thu, fri]'
NIGHT = 'zone: America/New_York, from: "22:00", until: "06:00"'


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-04-28T09:00", True),
        ("2026-04-28T08:59:59.999999", False),
        ("2026-04-28T16:59:59.999999", True),
        ("2026-04-28T17:00", False),
        ("2026-05-02T12:00", False),  # a Saturday
        ("2026-01-28T09:00", True),  # winter: an hour later in UTC
    ],
)
def test_office_hours_are_those_on_the_wall(at: str, expected: bool) -> None:
    assert holds(OFFICE, local(at, "America/New_York")) is expected


def test_the_same_instant_decides_alike_in_whatever_zone_it_is_written() -> None:
    for at in ("2026-04-28T13:00:00Z", "2026-04-28T15:00:00+02:00", "2026-04-28T18:45:00+05:45"):
        assert holds(OFFICE, at)


@pytest.mark.parametrize(
    ("at", "expected"), [("T21:59", False), ("T22:00", True), ("T23:59", True), ("T05:59", True), ("T06:00", False)]
)
def test_a_span_wraps_midnight(at: str, expected: bool) -> None:
    assert holds(NIGHT, local(f"2026-04-28{at}", "America/New_York")) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-05-01T23:00", True),  # Friday night
        ("2026-05-02T05:00", True),  # still Friday's night
        ("2026-05-02T23:00", False),  # Saturday night
        ("2026-05-01T05:00", False),  # Thursday's night
    ],
)
def test_a_night_belongs_to_the_day_it_began(at: str, expected: bool) -> None:
    assert holds(f"{NIGHT}, days: [fri]", local(at, "America/New_York")) is expected
    sunday = holds('zone: UTC, from: "22:00", until: "06:00", days: sun', "2026-05-04T03:00:00Z")
    assert sunday  # Monday morning is Sunday's night, across the end of the week


def minutes_that_hold(span: str, start: str, hours: int) -> int:
    first = datetime.fromisoformat(start)
    compiled = compile_policy(parse(policy(span)))
    test = compiled.rules[0].test
    return sum(test({}, first + timedelta(minutes=minute)) is True for minute in range(60 * hours))


def test_the_hour_that_is_skipped_in_spring_never_comes() -> None:
    # New York, 8 March 2026: 01:59 is followed by 03:00.
    skipped = 'zone: America/New_York, from: "02:00", until: "03:00"'
    assert minutes_that_hold(skipped, "2026-03-08T05:00:00+00:00", 24) == 0
    assert minutes_that_hold(skipped, "2026-03-09T04:00:00+00:00", 24) == 60
    across = 'zone: America/New_York, from: "01:30", until: "03:30"'
    assert minutes_that_hold(across, "2026-03-08T05:00:00+00:00", 24) == 60


def test_the_hour_that_is_repeated_in_autumn_counts_twice() -> None:
    # New York, 1 November 2026: 01:59 is followed by 01:00.
    repeated = 'zone: America/New_York, from: "01:00", until: "02:00"'
    assert minutes_that_hold(repeated, "2026-11-01T04:00:00+00:00", 25) == 120
    for fold in (0, 1):
        assert holds(repeated, local("2026-11-01T01:30", "America/New_York", fold=fold))
    assert not holds(repeated, local("2026-11-01T02:00", "America/New_York"))


def test_a_night_over_a_change_of_clocks_is_an_hour_shorter_or_longer() -> None:
    assert minutes_that_hold(NIGHT, "2026-03-08T00:00:00+00:00", 24) == 7 * 60
    assert minutes_that_hold(NIGHT, "2026-10-31T22:00:00+00:00", 24) == 9 * 60


def test_a_change_of_half_an_hour_and_one_in_the_south() -> None:
    # Lord Howe Island puts clocks back by 30 minutes on 5 April 2026: 01:59 is followed by 01:30.
    assert (
        minutes_that_hold('zone: Australia/Lord_Howe, from: "01:30", until: "02:00"', "2026-04-04T13:00+00:00", 24)
        == 60
    )
    assert (
        minutes_that_hold(
            'zone: Asia/Kathmandu, from: "00:00", until: "24:00", days: [mon]', "2026-04-26T18:15+00:00", 24
        )
        == 1440
    )


def test_negated_it_holds_exactly_when_it_did_not() -> None:
    text = (
        policy(OFFICE).replace("when: {time_of_day: ", "when: {not: {time_of_day: ").replace("}, effect", "}}, effect")
    )
    plain, negated = (compile_policy(parse(each)).rules[0].test for each in (policy(OFFICE), text))
    start = datetime(2026, 5, 1, tzinfo=UTC)
    for hour in range(96):
        now = start + timedelta(hours=hour)
        assert negated({}, now) is not plain({}, now)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ('zone: UTC, from: "22:00", until: "00:00"', 'zone: UTC, from: "22:00", until: "24:00"'),
        ("zone: UTC, from: 09:00, until: 17:00", 'zone: UTC, from: "09:00", until: "17:00"'),
        ("zone: UTC, days: [sun, mon, sun]", "zone: UTC, days: [mon, sun]"),
        (
            "zone: UTC, from: 01:00, until: 02:00, days: [sun, sat, fri, thu, wed, tue, mon]",
            "zone: UTC, from: 01:00, until: 02:00",
        ),
        ("zone: UTC, from: 00:00, until: 24:00, days: mon", "zone: UTC, days: [mon]"),
    ],
)
def test_one_span_has_one_form_and_one_hash(written: str, canonical: str) -> None:
    first, second = parse(policy(written)), parse(policy(canonical))
    assert first == second == parse(to_yaml(first))
    assert compile_policy(first).content_hash == compile_policy(second).content_hash


@pytest.mark.parametrize(
    ("span", "code"),
    [
        ("from: 09:00, until: 17:00", "missing_key"),
        ("zone: UTC", "invalid_value"),
        ("zone: UTC, from: 09:00", "missing_key"),
        ("zone: UTC, until: 09:00", "missing_key"),
        ("zone: UTC, from: 09:00, until: 09:00", "invalid_value"),
        ("zone: UTC, from: 24:00, until: 09:00", "invalid_value"),
        ("zone: UTC, from: 00:00, until: 24:00", "invalid_value"),
        ("zone: UTC, from: 9:00, until: 17:00", "invalid_value"),
        ("zone: UTC, from: 09:60, until: 17:00", "invalid_value"),
        ("zone: UTC, from: 09:00, until: 24:01", "invalid_value"),
        ("zone: UTC, from: 09:00, until: 17:00, days: []", "invalid_value"),
        ("zone: UTC, days: [monday]", "invalid_value"),
        ("zone: UTC, days: [mon, tue, wed, thu, fri, sat, sun]", "invalid_value"),
        ("zone: America/New_Yrok, days: mon", "unknown_zone"),
        ("zone: ../../etc/passwd, days: mon", "invalid_value"),
        ("zone: america/new_york, days: mon", "unknown_zone"),
        ("zone: zones, days: mon", "unknown_zone"),
        ("zone: UTC, days: mon, holidays: true", "unknown_key"),
    ],
)
def test_a_span_that_says_nothing_or_too_much_is_refused(span: str, code: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse(policy(span))
    assert code in {each.code for each in caught.value.errors}


def test_a_misspelt_zone_is_told_the_nearest() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse(policy("zone: America/New_Yrok, days: mon"))
    assert caught.value.errors[0].hint == "did you mean `America/New_York`?"


def test_every_zone_loads_and_none_comes_from_the_machine(tmp_path: Path) -> None:
    forged = tmp_path / "America" / "New_York"
    forged.parent.mkdir()
    forged.write_bytes((files("tzdata") / "zoneinfo" / "Etc" / "UTC").read_bytes())
    now = datetime(2026, 4, 28, tzinfo=UTC)
    machines = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([str(tmp_path)])
    try:
        assert now.astimezone(ZoneInfo.no_cache("America/New_York")).utcoffset() == timedelta(0)
        zone_of.cache_clear()
        assert now.astimezone(zone_of("America/New_York")).utcoffset() == timedelta(hours=-4)
        assert len(zone_names()) > 500
        for name in sorted(zone_names()):
            assert now.astimezone(zone_of(name)).utcoffset() is not None
    finally:
        zoneinfo.reset_tzpath(machines)
