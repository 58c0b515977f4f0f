"""A file that cannot be read in full is refused, with the place; nothing crashes and nothing is guessed."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import pack, parse
from policies.history import HistoryInvalid, Report, replay

STARTER = parse(pack("refunds-starter"))
HEADER = "id,Amount,Amount Refunded,Currency,Created (UTC),Customer ID\n"
GOOD = "ch_1,10.00,10.00,usd,2024-03-01 10:00,cus_1\n"


def refused(content: str | bytes) -> HistoryInvalid:
    with pytest.raises(HistoryInvalid) as caught:
        replay(io.BytesIO(content.encode() if isinstance(content, str) else content), STARTER)
    return caught.value


@pytest.mark.parametrize(
    ("content", "line", "column", "reason"),
    [
        (b"", 1, 1, "empty_file"),
        (b"\n\n", 1, 1, "empty_file"),
        (b"\xef\xbb\xbf", 1, 1, "empty_file"),
        (HEADER.encode() + b"ch_1,10,10,usd,2024-03-01,caf\xe9\n", 2, 6, "not_text"),
        (HEADER.encode() + GOOD.encode() + b"ch_1,\x00,10,usd,2024-03-01,\n", 3, 2, "null_byte"),
        (b"\xff\xfe" + HEADER.encode("utf-16-le") + b"\x00\xd8", 2, 1, "not_text"),
        (HEADER.encode() + b"a" * 6_000_000, 2, 1, "line_too_long"),
        (HEADER.encode() + b'ch_1,"10\n' + b"x\n" * 20, 2, 2, "quoting"),
        (HEADER.encode() + b'ch_1,10,"10"5,usd,2024-03-01,\n', 2, 3, "quoting"),
        (HEADER.encode() + b'ch_1,"' + b"9" * 200_000 + b'"\n', 2, 2, "quoting"),
        (HEADER + "ch_1,10.00,10.00,usd\n", 2, 5, "ragged_row"),
        (HEADER + GOOD + "ch_1,10.00,10.00,usd,2024-03-01,cus_1,more\n", 3, 7, "ragged_row"),
        (HEADER + "ch_1,10.00,ten,usd,2024-03-01,\n", 2, 3, "invalid_amount"),
        (HEADER + "ch_1,20,12.345,usd,2024-03-01,\n", 2, 3, "ambiguous_amount"),
        (HEADER + GOOD + "ch_1,10.00,12.345,usd,2024-03-01,\n", 3, 3, "invalid_amount"),
        (HEADER + "ch_1,1,0.5,jpy,2024-03-01,\n", 2, 3, "invalid_amount"),
        (HEADER + GOOD + 'ch_2,"10,00","10,00",eur,2024-03-01,\n', 3, 3, "ambiguous_amount"),
        (HEADER + "ch_1,10.00,10.00,dollars,2024-03-01,\n", 2, 4, "invalid_currency"),
        (HEADER + "ch_1,10.00,10.00,,2024-03-01,\n", 2, 4, "invalid_currency"),
        (HEADER + "ch_1,10.00,€10.00 EUR,usd,2024-03-01,\n", 2, 4, "invalid_currency"),
        (HEADER + "ch_1,10.00,10.00,usd,yesterday,\n", 2, 5, "invalid_time"),
        (HEADER + "ch_1,10.00,10.00,usd,,\n", 2, 5, "invalid_time"),
        (HEADER + "ch_1,10.00,10.00,usd,2024-02-30,\n", 2, 5, "invalid_time"),
        (HEADER + "ch_1,10.00,10.00,usd,0001-01-01,\n", 2, 5, "invalid_time"),
        (HEADER + "ch_1,10.00,10.00,usd,3/4/2024,\n", 2, 5, "ambiguous_time"),
        (HEADER.replace("Amount,", "Amount Refunded,", 1) + GOOD, 1, 3, "duplicate_column"),
        ("id,Amount Refunded,Currency,tenure_days\nch_1,5,usd,soon\n", 2, 4, "invalid_number"),
        ("id,Amount,Currency,Status\nch_1,5,usd,Partially refunded\n", 2, 4, "unknown_refund"),
        ("id,Amount,Currency,Type\nx,5,usd,card\n", 1, 4, "missing_column"),
        ("a,b,c\n1,2,3\n", 1, 1, "missing_column"),
        ("id,Amount Refunded,Währung\n1,2,3\n", 1, 3, "missing_column"),
    ],
)
def test_the_first_fault_is_told_with_line_and_column(
    content: str | bytes, line: int, column: int, reason: str
) -> None:
    error = refused(content)
    assert (error.line, error.column, error.reason) == (line, column, reason)
    assert str(error).startswith(f"line {line}, column {column}: ")


def test_a_missing_column_names_the_headers_that_were_not_understood() -> None:
    error = refused("Reference,Sum given back,Curr.,Card Brand\n1,2,3,4\n")
    for named in ("an amount", "a currency", "what marks a refund", "“Reference”, “Sum given back”, “Curr.”"):
        assert named in error.message
    assert "Card Brand" not in error.message


@pytest.mark.parametrize("needed", ["Amount Refunded", "Currency", "Created (UTC)"])
def test_a_needed_header_that_nobody_understands_is_named(needed: str) -> None:
    titles = ["id", "Description", "Created (UTC)", "Amount", "Amount Refunded", "Currency", "Status", "Customer ID"]
    place = titles.index(needed)
    titles[place] = "Sum given back"
    cells = {"id": "ch_1", "Amount": "20.00", "Amount Refunded": "5.00", "Currency": "usd", "Status": "Refunded"}
    error = refused("\n".join([",".join(titles), ",".join(cells.get(title, "") for title in titles), ""]))
    assert (error.line, error.column, error.reason) == (1, place + 1, "missing_column")
    assert "“Sum given back”" in error.message


@pytest.mark.parametrize(("row", "column"), [("ch_2,oops,0.00,usd,2024-03-02,", 2), ("ch_2,5.00,0.00,usd,oops,", 5)])
def test_a_broken_row_is_refused_even_if_it_holds_no_refund(row: str, column: int) -> None:
    error = refused(f"{HEADER}{GOOD}{row}\n{GOOD}")
    assert (error.line, error.column) == (3, column)


def test_payments_without_anything_about_refunds_are_refused() -> None:
    error = refused("id,Created,Amount,Currency\nch_1,2024-01-01,20.00,usd\n")
    assert error.reason == "missing_column"
    assert "how much of each payment was refunded" in error.message


def test_a_column_of_yes_and_no_that_holds_amounts_is_refused() -> None:
    error = refused("id,Created,Amount,Refunded,Currency\nch_1,2024-01-01,20.00,5.00,usd\n")
    assert (error.line, error.column, error.reason) == (2, 4, "invalid_mark")


def test_a_part_refunded_names_the_headers_that_may_say_how_much() -> None:
    error = refused("id,Created,Amount,Given back,Currency,Status\nch_1,2024-01-01,20.00,5.00,usd,Partially refunded\n")
    assert error.reason == "unknown_refund"
    assert "“Given back”" in error.message


@pytest.mark.parametrize("family", ["payouts_2026", "disputes_export_columns_seen"])
def test_payouts_and_disputes_are_told_apart_from_refunds(family: str) -> None:
    header = HEADERS[family]
    row = ",".join("po_1" if title == "id" else "5.00" if "Amount" in title else "" for title in header.split(","))
    error = refused(f"{header}\n{row}\n")
    assert (error.line, error.reason) == (1, "missing_column")


HEADERS = {
    "payouts_2026": (
        "id,Amount,Created (UTC),Currency,Livemode,Arrival Date (UTC),Source Type,Destination,Status,Type,Method,"
        "Description,Balance Transaction,Failure Balance Transaction,Failure Message,Failure Code,Statement Descriptor,"
        "Trace ID,Trace ID Status,Destination Name,Destination Country,Destination Last 4"
    ),
    "disputes_export_columns_seen": (
        "id,Description,Dispute Created (UTC),Charge Created (UTC),Dispute Amount,Dispute Currency,Charge Amount,"
        "Charge Currency,Charge ID,Card Fingerprint,Card Brand,Card Funding,Customer Email,Customer ID,Reason,Status"
    ),
}


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))))
def test_whatever_bytes_come_they_are_a_report_or_a_place(content: bytes) -> None:
    _holds(content)


CELLS = st.sampled_from(
    [
        "ch_1",
        "re_1",
        "10.00",
        "-5",
        "1.234,5",
        '"1,5"',
        "usd",
        "JPY",
        "2024-03-01",
        "1709290000",
        '"',
        "\n",
        "\0",
        "é",
        "",
        "=1+1",
        "refund",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=8), max_size=8), st.sampled_from([",", ";", "\t"]))
def test_whatever_cells_come_they_are_a_report_or_a_place(rows: list[list[str]], delimiter: str) -> None:
    header = delimiter.join(("id", "Amount", "Currency", "Created", "Type", "Charge ID"))
    _holds("\n".join([header, *(delimiter.join(row) for row in rows)]).encode())


def _holds(content: bytes) -> None:
    try:
        report = replay(io.BytesIO(content), STARTER)
    except HistoryInvalid as error:
        invalid: HistoryInvalid | None = error
    else:
        invalid = None
        assert isinstance(report, Report)
        assert report.allowed.count + report.blocked.count + report.paused.count == report.refunds <= report.rows
    assert invalid is None or (invalid.line >= 1 and invalid.column >= 1 and invalid.message)
