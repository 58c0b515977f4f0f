"""The times of exports: UTC unless they say otherwise, and never guessed."""

from datetime import UTC, datetime

import pytest

from policies.history.times import TimeUnreadable, read_time

AT = datetime(2024, 3, 14, 12, 34, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-14 12:34",
        "2024-03-14 12:34:00",
        "2024-03-14T12:34:00Z",
        "2024-03-14t12:34:00.000z",
        "2024-03-14 12:34 UTC",
        "2024-03-14 12:34:00 +0000",
        "2024-03-14T14:34:00+02:00",
        "2024-03-14 07:34:00-0500",
        "1710419640",
        "1710419640.0",
        "2024/03/14 12:34",
        "2024/3/14 12:34",
        "3/14/2024 12:34",
        "3/14/2024, 12:34:00 PM",
        "14/3/2024 12:34",
        "14.03.2024 12:34",
        " 2024-03-14 12:34 ",
    ],
)
def test_one_moment_in_its_many_forms(text: str) -> None:
    assert read_time(text) == AT


def test_a_date_is_its_midnight_and_noon_is_not_midnight() -> None:
    assert read_time("2024-03-14") == datetime(2024, 3, 14, tzinfo=UTC)
    assert read_time("3/3/2024") == datetime(2024, 3, 3, tzinfo=UTC)
    assert read_time("3/14/2024 12:05 AM") == datetime(2024, 3, 14, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["3/4/2024", "03.04.2024 10:00", "12/11/2024 1:00 PM"])
def test_a_month_that_may_be_a_day_is_refused(text: str) -> None:
    with pytest.raises(TimeUnreadable) as caught:
        read_time(text)
    assert caught.value.code == "ambiguous_time"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-02-30",
        "2024-03-14 25:00",
        "2024-03-14T12",
        "20240314",
        "2024-W11-4",
        "13/14/2024",
        "3/14/24",
        "3/14/2024 13:00 PM",
        "0001-01-01",
        "9999-12-31",
        "12",
        "-1710419640",
        "1710419640000",
        "0001-01-01T00:00:00+23:59",
        "２０２４-03-14",
        "2024-03-14 12:34 Europe/Berlin",
    ],
)
def test_what_is_no_time_of_a_payment_is_refused(text: str) -> None:
    with pytest.raises(TimeUnreadable) as caught:
        read_time(text)
    assert caught.value.code == "invalid_time"
