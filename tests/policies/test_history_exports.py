"""Which refunds a Stripe export holds, family by family, with the headers that Stripe has really used."""

import io
from datetime import UTC, datetime

import pytest

from policies import pack, parse
from policies.history import HistoryInvalid, Report, replay
from policies.history.refund import History
from policies.history.refunds import read_history

UNIFIED_2024 = (
    "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,"
    "Converted Currency,Description,Fee,Is Link,Mode,PaymentIntent ID,Payment Source Type,Refunded date (UTC),"
    "Statement Descriptor,Status,Seller Message,Taxes On Fee,Card ID,Customer ID,Dispute Reason,order_id (metadata)"
)
PAYMENTS_2015 = (
    "id,Description,Created (UTC),Amount,Amount Refunded,Currency,Converted Amount,Converted Amount Refunded,Fee,Tax,"
    "Converted Currency,Mode,Status,Statement Descriptor,Customer ID,Customer Description,Customer Email,Captured"
)
BALANCE = (
    "balance_transaction_id,created_utc,created,available_on_utc,currency,gross,fee,net,reporting_category,source_id,"
    "description,customer_facing_amount,customer_facing_currency,charge_id,payment_intent_id,customer_id,"
    "payment_metadata[order_id]"
)
BALANCE_HISTORY = (
    "id,Type,Source,Amount,Fee,Destination Platform Fee,Net,Currency,Created (UTC),Available On (UTC),Description,"
    "Customer Facing Amount,Customer Facing Currency,Transfer"
)


def history(text: str | bytes, *metadata: str) -> History:
    content = text.encode() if isinstance(text, str) else text
    return read_history(io.BytesIO(content), metadata=frozenset(metadata))


def starter(text: str) -> Report:
    return replay(io.BytesIO(text.encode()), parse(pack("refunds-starter")))


def table(header: str, *rows: dict[str, str]) -> str:
    """A CSV with the named cells of each row; the others are empty."""
    titles = header.split(",")
    lines = [header] + [",".join(row.get(title, "") for title in titles) for row in rows]
    return "\n".join(lines) + "\n"


def refused(text: str | bytes) -> HistoryInvalid:
    with pytest.raises(HistoryInvalid) as caught:
        history(text)
    return caught.value


def test_unified_payments_refund_what_amount_refunded_says() -> None:
    found = history(
        table(
            UNIFIED_2024,
            {
                "id": "ch_1",
                "Created date (UTC)": "2024-03-01 12:34",
                "Amount": "100.00",
                "Amount Refunded": "25.50",
                "Currency": "eur",
                "Converted Amount": "110.00",
                "Converted Amount Refunded": "28.05",
                "Converted Currency": "usd",
                "PaymentIntent ID": "pi_1",
                "Refunded date (UTC)": "2024-03-09 08:00",
                "Status": "Refunded",
                "Customer ID": "cus_1",
                "Dispute Reason": "fraudulent",
                "order_id (metadata)": "A-7",
            },
            {"id": "ch_2", "Created date (UTC)": "2024-03-02 12:34", "Amount": "9.00", "Amount Refunded": "0.00"},
        ),
        "order_id",
    )
    assert found.rows == 2
    [refund] = found.refunds
    assert (refund.line, refund.id, refund.units, refund.currency) == (2, "ch_1", 2550, "eur")
    assert refund.at == datetime(2024, 3, 9, 8, 0, tzinfo=UTC)
    assert (refund.charge, refund.payment_intent, refund.customer) == ("ch_1", "pi_1", "cus_1")
    assert (refund.tenure_days, refund.reason, refund.metadata) == (7, "", {"order_id": "A-7"})
    assert "context.reason_code" not in found.facts


def test_a_refund_without_a_time_has_its_charges() -> None:
    row = {
        "id": "ch_1",
        "Created (UTC)": "2015-06-01 10:00",
        "Amount": "10",
        "Amount Refunded": "10",
        "Currency": "usd",
    }
    found = history(table(PAYMENTS_2015, row))
    assert found.refunds[0].at == datetime(2015, 6, 1, 10, 0, tzinfo=UTC)
    assert found.caveats[0] == "1 refund without a time, judged at the time of the charge."


def test_rules_that_read_what_the_file_cannot_hold_are_listed_and_take_no_part() -> None:
    row = {
        "id": "ch_1",
        "Created (UTC)": "2024-03-01 10:00",
        "Amount": "160.00",
        "Amount Refunded": "160.00",
        "Currency": "usd",
        "Customer ID": "cus_1",
    }
    report = starter(table(PAYMENTS_2015, row))
    assert report.not_evaluable == ("suspected_fraud_review",)
    assert [(each.line, each.id, each.outcome, each.rule) for each in report.findings] == [
        (2, "ch_1", "blocked", "new_customer_high_value")
    ]
    assert report.blocked.amount == {"usd": 16000}
    assert report.allowed.count == report.paused.count == report.drift.count == 0


def test_a_column_that_is_there_with_an_empty_cell_is_an_ordinary_missing_fact() -> None:
    text = "id,Amount,Currency,Created,Charge ID,Reason\nre_1,20.00,usd,2024-03-01 10:00,ch_1,\n"
    report = starter(text)
    assert "suspected_fraud_review" not in report.not_evaluable
    assert [(each.outcome, each.rule, each.reason) for each in report.findings] == [
        ("paused", "suspected_fraud_review", "missing_fact")
    ]


def test_reasons_of_the_dashboard_are_those_of_the_api() -> None:
    row = "re_1,20,usd,2024-03-01,ch_1,Requested by customer,Succeeded"
    assert (
        history(f"id,Amount,Currency,Created,Charge ID,Reason,Status\n{row}\n").refunds[0].reason
        == "requested_by_customer"
    )


@pytest.mark.parametrize("status", ["failed", "Canceled", "cancelled"])
def test_refunds_that_were_not_made_do_not_count(status: str) -> None:
    rows = f"re_1,20,usd,2024-03-01,ch_1,{status}\nre_2,5,usd,2024-03-01,ch_1,pending\n"
    found = history(f"id,Amount,Currency,Created,Charge ID,Status\n{rows}")
    assert (found.rows, [refund.id for refund in found.refunds]) == (2, ["re_2"])


def test_balance_report_takes_gross_of_refunds_and_the_charges_of_the_customer() -> None:
    text = table(
        BALANCE,
        {
            "balance_transaction_id": "txn_1",
            "created_utc": "2024-03-01 00:30:00",
            "created": "2024-02-29 16:30:00",
            "currency": "usd",
            "gross": "150.00",
            "net": "145.00",
            "reporting_category": "charge",
            "source_id": "ch_1",
            "charge_id": "ch_1",
            "customer_id": "cus_1",
        },
        {
            "balance_transaction_id": "txn_2",
            "created_utc": "2024-03-21 00:29:00",
            "created": "2024-03-20 16:29:00",
            "currency": "usd",
            "gross": "-150.00",
            "net": "-150.00",
            "reporting_category": "refund",
            "source_id": "re_1",
            "charge_id": "ch_1",
            "customer_id": "cus_1",
            "payment_metadata[order_id]": "A-1",
        },
        {
            "balance_transaction_id": "txn_3",
            "created_utc": "2024-03-22 00:00:00",
            "currency": "usd",
            "gross": "-900.00",
            "reporting_category": "payout",
            "source_id": "po_1",
        },
        {
            "balance_transaction_id": "txn_4",
            "created_utc": "2024-03-22 00:00:00",
            "currency": "usd",
            "gross": "-900.00",
            "reporting_category": "platform_earning_refund",
            "source_id": "fr_1",
        },
    )
    found = history(text, "order_id")
    assert found.rows == 4
    [refund] = found.refunds
    assert (refund.line, refund.id, refund.units, refund.charge) == (3, "re_1", 15000, "ch_1")
    assert refund.at == datetime(2024, 3, 21, 0, 29, tzinfo=UTC)
    assert (refund.tenure_days, refund.metadata) == (19, {"order_id": "A-1"})


def test_balance_report_counts_in_the_currency_the_customer_saw_where_it_says_so() -> None:
    text = table(
        BALANCE,
        {
            "balance_transaction_id": "txn_2",
            "created_utc": "2024-03-21 00:29:00",
            "currency": "usd",
            "gross": "-108.00",
            "reporting_category": "refund",
            "source_id": "re_1",
            "customer_facing_amount": "-100.00",
            "customer_facing_currency": "eur",
        },
    )
    [refund] = history(text).refunds
    assert (refund.units, refund.currency) == (10000, "eur")


def test_older_balance_history_marks_refunds_by_type() -> None:
    rows = [
        ("txn_1", "charge", "ch_1", "30.00"),
        ("txn_2", "refund", "re_1", "-30.00"),
        ("txn_3", "payment_refund", "pyr_1", "-7.00"),
        ("txn_4", "stripe_fee", "", "-2.00"),
        ("txn_5", "application_fee_refund", "fr_1", "-2.00"),
    ]
    cells = [
        dict(zip(("id", "Type", "Source", "Amount"), row, strict=True))
        | {"Currency": "usd", "Created (UTC)": "2019-01-01 00:00"}
        for row in rows
    ]
    assert [(each.id, each.units) for each in history(table(BALANCE_HISTORY, *cells)).refunds] == [
        ("re_1", 3000),
        ("pyr_1", 700),
    ]


def test_a_refund_that_failed_later_is_not_counted_and_that_is_said() -> None:
    rows = [
        ("txn_1", "refund", "re_1", "-30.00"),
        ("txn_2", "refund", "re_2", "-30.00"),
        ("txn_3", "refund_failure", "re_1", "30.00"),
    ]
    cells = [
        dict(zip(("id", "Type", "Source", "Amount"), row, strict=True))
        | {"Currency": "usd", "Created (UTC)": "2019-01-01 00:00"}
        for row in rows
    ]
    found = history(table(BALANCE_HISTORY, *cells))
    assert [each.id for each in found.refunds] == ["re_2"]
    assert any("1 refund not counted" in caveat for caveat in found.caveats)


@pytest.mark.parametrize(
    "header",
    [
        "ID,AMOUNT REFUNDED,CURRENCY,CREATED (UTC)",
        "id,refunded_amount,currency,created",
        "Charge ID,Refunded Amount,Currency Code,Created At",
        "id,amount-refunded,currency,created_utc",
        " id , Amount_Refunded , Currency , Created Date (UTC) ",
        "id,Refund Amount,Currency,Transaction Date",
        "id,amountRefunded,currency,createdAt",
        "id,Refund Total,Currency,Created",
    ],
)
def test_headers_are_understood_by_their_words(header: str) -> None:
    [refund] = history(f"{header}\nch_1,12.50,USD,2024-03-01 12:34\n").refunds
    assert (refund.id, refund.units, refund.currency) == ("ch_1", 1250, "usd")
    assert refund.at == datetime(2024, 3, 1, 12, 34, tzinfo=UTC)


@pytest.mark.parametrize(
    "header",
    [
        "order_id (metadata)",
        "payment_metadata[order_id]",
        "metadata.order_id",
        "metadata[order_id]",
        "Metadata: order_id",
    ],
)
def test_metadata_columns_become_metadata_facts(header: str) -> None:
    found = history(f"id,Amount Refunded,Currency,{header}\nch_1,1,usd,A-7\n", "order_id")
    assert found.refunds[0].metadata == {"order_id": "A-7"}
    assert "metadata.order_id" in found.facts


@pytest.mark.parametrize(
    "header", ["customer_tenure_days", "Customer Tenure (metadata)", "customer_tenure_days (metadata)"]
)
def test_a_column_of_tenure_comes_before_what_the_file_could_tell(header: str) -> None:
    rows = "ch_1,1,usd,2024-03-01,cus_1,412\nch_2,1,usd,2024-03-02,cus_1,\n"
    found = history(f"id,Amount Refunded,Currency,Created,Customer ID,{header}\n{rows}")
    assert [refund.tenure_days for refund in found.refunds] == [412, None]


def test_tenure_counts_from_the_first_charge_wherever_it_stands_in_the_file() -> None:
    text = (
        "id,Amount Refunded,Currency,Created,Refunded date,Customer ID\n"
        "ch_2,5,usd,2024-03-05 00:00,2024-03-20 23:59,cus_1\n"
        "ch_1,0,usd,2024-03-01 12:00,,cus_1\n"
        "ch_3,5,usd,2024-03-05 00:00,2024-03-06 00:00,\n"
    )
    found = history(text)
    assert [refund.tenure_days for refund in found.refunds] == [19, None]
    assert any("2024-03-01" in caveat for caveat in found.caveats)


def test_refunds_alone_tell_no_tenure() -> None:
    found = history("id,Amount,Currency,Created,Charge ID,Customer ID\nre_1,5,usd,2024-03-05,ch_1,cus_1\n")
    assert found.refunds[0].tenure_days is None
    assert "context.customer_tenure_days" not in found.facts


def test_a_reordered_export_with_a_byte_order_mark_semicolons_and_crlf() -> None:
    text = "Currency;Amount Refunded;id;Amount\r\neur;12,50;ch_1;1.234,56\r\neur;1.234;ch_2;1.234\r\n"
    assert [refund.units for refund in history(b"\xef\xbb\xbf" + text.encode()).refunds] == [1250, 123400]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_encodings_with_a_byte_order_mark(encoding: str) -> None:
    text = "id\tAmount Refunded\tCurrency\tDescription\nch_1\t€5,00\teur\t“größer”\n"
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    assert history(mark + text.encode(encoding)).refunds[0].units == 500


def test_amounts_that_may_be_cents_are_told() -> None:
    header = "id,amount_refunded,currency,created"
    [caveat] = [each for each in history(f"{header}\nch_1,2500,usd,1704103200\n").caveats if "cents" in each]
    assert caveat == "No amount in the file has decimals: 2500 is read as 2500.00, not as cents."
    for row in ("ch_1,2500.00,usd,1704103200", "ch_1,2500,jpy,1704103200"):
        assert not [each for each in history(f"{header}\n{row}\n").caveats if "cents" in each]


def test_lines_are_those_of_the_file() -> None:
    text = 'id,Description,Amount Refunded,Currency\n\nch_1,"two\nlines, and a ""quote""",5,usd\r\nch_2,one,6,usd\n'
    found = history(text)
    assert found.rows == 2
    assert [(refund.line, refund.id) for refund in found.refunds] == [(3, "ch_1"), (5, "ch_2")]


def test_a_header_alone_holds_no_refund() -> None:
    report = starter(f"{UNIFIED_2024}\n")
    assert (report.rows, report.refunds, report.findings) == (0, 0, ())


def test_lists_are_looked_into_where_there_are_any() -> None:
    policy = parse(
        "policy: listed\napplies_to: {rail: stripe}\nrules:\n"
        "  - {id: bad, when: {context: {customer_id: {in_list: known_bad}}}, effect: deny}\n"
    )
    text = (
        b"id,Amount Refunded,Currency,Created,Customer ID\nch_1,5,usd,2024-03-01,cus_1\nch_2,5,usd,2024-03-01,cus_2\n"
    )
    with_list = replay(io.BytesIO(text), policy, lists={"known_bad": lambda word: word == "cus_2"})
    assert [(each.id, each.rule) for each in with_list.findings] == [("ch_2", "bad")]
    without = replay(io.BytesIO(text), policy)
    assert (without.not_evaluable, without.findings) == (("bad",), ())


def test_rules_by_the_clock_need_a_time() -> None:
    policy = parse(
        "policy: nights\napplies_to: {rail: stripe}\nrules:\n"
        '  - {id: at_night, when: {time_of_day: {zone: Europe/Berlin, from: "22:00", until: "06:00"}}, effect: deny}\n'
    )
    timed = b"id,Amount Refunded,Currency,Created\nch_1,5,usd,2024-07-01 21:30\nch_2,5,usd,2024-07-01 12:00\n"
    assert [each.id for each in replay(io.BytesIO(timed), policy).findings] == ["ch_1"]
    timeless = replay(io.BytesIO(b"id,Amount Refunded,Currency\nch_1,5,usd\n"), policy)
    assert (timeless.not_evaluable, timeless.refunds, timeless.since) == (("at_night",), 1, None)


def test_a_refund_finds_its_charge_in_a_report_that_begins_with_the_newest() -> None:
    text = (
        "id,Type,Source,Amount,Currency,Created (UTC),Charge ID,Customer ID\n"
        "txn_3,refund,re_2,-5.00,usd,,ch_1,\n"
        "txn_2,refund,re_1,-5.00,usd,2024-03-09 00:00,ch_1,\n"
        "txn_1,charge,ch_1,30.00,usd,2024-03-01 00:00,ch_1,cus_1\n"
    )
    found = history(text)
    assert [(each.id, each.customer, each.tenure_days) for each in found.refunds] == [
        ("re_2", "cus_1", 0),
        ("re_1", "cus_1", 8),
    ]
    assert found.refunds[0].at == datetime(2024, 3, 1, tzinfo=UTC)


def test_a_file_of_payments_can_tell_tenure_even_if_nobody_in_it_has_a_customer() -> None:
    row = "ch_1,5.00,usd,2024-03-01,\n"
    for rows in ("", row):
        found = history(f"id,Amount Refunded,Currency,Created,Customer ID\n{rows}")
        assert "context.customer_tenure_days" in found.facts


def test_without_the_times_of_charges_there_is_no_tenure() -> None:
    report = starter("id,Amount Refunded,Currency,Refunded date,Customer ID\nch_1,120.00,usd,2024-03-01,cus_1\n")
    assert "new_customer_high_value" in report.not_evaluable


def test_a_last_line_of_spaces_is_no_row() -> None:
    found = history("id,Amount Refunded,Currency\nch_1,5,usd\n  \n")
    assert (found.rows, len(found.refunds)) == (1, 1)
