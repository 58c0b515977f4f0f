"""From what exports write to minor units: exactly, or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axiru.domain.currency import CURRENCIES, exponent_of
from policies.history.amounts import MAX_UNITS, AmountUnreadable, DecimalSign, bare, minor_units, sign_in

GROUPS = {".": [",", " ", "\u00a0", "\u202f", "'", "’"], ",": [".", " ", "\u00a0", "\u202f"]}


def units_of(text: str, currency: str = "usd", *, delimiter: str = ",", sign: DecimalSign | None = None) -> int:
    """The amount as it is read in a file that holds nothing else."""
    amount = bare(text)
    return minor_units(amount.digits, currency, sign or sign_in(amount.digits), delimiter)


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("12.50", "usd", 1250),
        ("12.5", "usd", 1250),
        ("12", "usd", 1200),
        (".50", "usd", 50),
        ("500", "jpy", 500),
        ("500.00", "jpy", 500),
        ("1,234", "jpy", 1234),
        ("1.250", "kwd", 1250),
        ("0.125", "kwd", 125),
        ("1,250.000", "kwd", 1_250_000),
        ("12,5", "eur", 1250),
        ("0,05", "eur", 5),
        ("1.234,56", "eur", 123456),
        ("1.234.567,89", "eur", 123456789),
        ("1,234.56", "usd", 123456),
        ("1,234,567.89", "usd", 123456789),
        ("1,234,567", "usd", 123456700),
        ("1,234", "usd", 123400),
        ("1,00,000.00", "inr", 10_000_000),
        ("1 234,56", "eur", 123456),
        ("1\u00a0234,56\u00a0€", "eur", 123456),
        ("1\u202f234,56 €", "eur", 123456),
        ("1'234.50", "chf", 123450),
        ("1’234.50", "chf", 123450),
        ("$1,000.00", "usd", 100000),
        ("US$5.00", "usd", 500),
        ("¥500", "jpy", 500),
        ("EUR 5,00", "eur", 500),
        ("5.00 USD", "usd", 500),
        ("12,50 kr", "sek", 1250),
        ("10.00", "isk", 1000),
        ("999999999.99", "usd", MAX_UNITS),
    ],
)
def test_amounts_are_read_to_the_smallest_unit(text: str, currency: str, units: int) -> None:
    assert units_of(text, currency) == units


@pytest.mark.parametrize("text", ["-12.50", "−12.50", "(12.50)", "12.50-", "-$12.50", "$-12.50", "($12.50)", "- 12.50"])
def test_negative_amounts_have_the_same_size(text: str) -> None:
    assert bare(text).negative
    assert units_of(text) == 1250


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        ".",
        ",",
        "abc",
        "1e5",
        "NaN",
        "Infinity",
        "12.345",
        "12.50.00,1",
        "1,23,45.00.00",
        "--5",
        "(-5)",
        "5 5 USD EUR",
        "1,,234.00",
        ",1.2,",
        "1.2.3",
        "１２.50",
        "0x10",
        "<script>5</script>",
        "=5+5",
        "1234,567,8.00",
        "1000000000.00",
        "9" * 400,
        "0." + "0" * 400,
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(AmountUnreadable):
        units_of(text)


@pytest.mark.parametrize(
    ("text", "currency", "delimiter"),
    [("1.234", "usd", ","), ("1.500", "eur", ";"), ("1,500", "eur", ";"), ("1,250", "kwd", ","), ("1.000", "jpy", ",")],
)
def test_thousands_or_decimals_is_refused_where_the_file_does_not_tell(
    text: str, currency: str, delimiter: str
) -> None:
    with pytest.raises(AmountUnreadable) as caught:
        units_of(text, currency, delimiter=delimiter)
    assert caught.value.code == "ambiguous_amount"


@pytest.mark.parametrize(
    ("text", "sign", "units"),
    [("1.234", ",", 123400), ("1,234", ".", 123400), ("1.230", ".", 123), ("1,230", ",", 123)],
)
def test_the_rest_of_the_file_tells(text: str, sign: DecimalSign, units: int) -> None:
    assert units_of(text, sign=sign) == units


@given(
    units=st.integers(0, MAX_UNITS),
    currency=st.sampled_from(sorted(CURRENCIES)),
    sign=st.sampled_from([".", ","]),
    data=st.data(),
)
def test_written_in_any_style_and_read_in_that_style_an_amount_stays_itself(
    units: int, currency: str, sign: DecimalSign, data: st.DataObject
) -> None:
    exponent = exponent_of(currency)
    whole, part = divmod(units, 10**exponent)
    group = data.draw(st.sampled_from(["", *GROUPS[sign]]))
    written = f"{whole:,}".replace(",", group)
    if exponent:
        written += f"{sign}{part:0{exponent}d}"
    elif data.draw(st.booleans()):
        written += f"{sign}00"
    written = data.draw(st.sampled_from(["{}", "{} ", f"{currency.upper()} {{}}", "({})", "-{}", "−{}"])).format(
        written
    )
    amount = bare(written)
    assert minor_units(amount.digits, currency, sign, ",") == units
    # What is taken for proof of a style is never proof of the other.
    assert not exponent or sign_in(amount.digits) in {None, sign}


@given(st.text(max_size=40), st.sampled_from(sorted(CURRENCIES)), st.sampled_from([",", ";"]))
def test_any_text_is_an_exact_amount_or_refused(text: str, currency: str, delimiter: str) -> None:
    try:
        units = units_of(text, currency, delimiter=delimiter)
    except AmountUnreadable:
        return
    assert 0 <= units <= MAX_UNITS


@given(st.decimals(0, 99_999_999, places=2, allow_nan=False))
def test_major_units_as_stripe_writes_them(amount: Decimal) -> None:
    assert units_of(f"{amount:.2f}") == int(amount * 100)
