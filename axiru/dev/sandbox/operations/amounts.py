"""Amounts and currencies as Stripe counts them. https://docs.stripe.com/currencies"""

from axiru.dev.sandbox.refusals import ParameterRefused, StripeRefusal

_CURRENCIES = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp "
    "cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils "
    "inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr "
    "mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek "
    "sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf "
    "yer zar zmw"
)
CURRENCIES = frozenset(_CURRENCIES.split())
ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf")
)
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
WHOLE_UNITS_WHEN_PAID_OUT = frozenset(("huf", "isk", "twd"))
"""Two decimals in the API, none at the bank. https://docs.stripe.com/currencies#special-cases"""

SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def amount_text(amount: int, currency: str) -> str:
    """`amount` is in the smallest unit: 40000 usd is `$400.00`, 500 jpy is `¥500`, 1230 kwd is `1.230 KWD`."""
    if currency in ZERO_DECIMAL:
        number = f"{amount:,}"
    elif currency in THREE_DECIMAL:
        number = f"{amount // 1000:,}.{amount % 1000:03}"
    else:
        number = f"{amount // 100:,}.{amount % 100:02}"
    symbol = SYMBOLS.get(currency)
    return f"{number} {currency.upper()}" if symbol is None else f"{symbol}{number}"


def taken(wanted: int | None, left: int, currency: str, *, what: str, limit: str) -> int:
    """The amount to take of what is left: all of it unless another is wanted. Raises StripeRefusal for more."""
    if wanted is None:
        return left
    if wanted > left:
        raise StripeRefusal(
            f"{what} ({amount_text(wanted, currency)}) is greater than {limit} ({amount_text(left, currency)})",
            param="amount",
        )
    return wanted


def check_currency(currency: str) -> str:
    """The currency in lower case. Raises ParameterRefused for one that Stripe does not have."""
    lower = currency.lower()
    if lower not in CURRENCIES:
        raise ParameterRefused(
            f"Invalid currency: {lower}. Stripe currently supports these currencies: {', '.join(sorted(CURRENCIES))}",
            param="currency",
        )
    return lower


def payable_step(currency: str) -> int:
    """What every amount that a bank of the currency is sent is a multiple of."""
    return 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_UNITS_WHEN_PAID_OUT else 1


def check_payable(amount: int, currency: str) -> None:
    """Raises ParameterRefused for an amount with more digits than the currency's banks take."""
    step = payable_step(currency)
    if amount % step:
        raise ParameterRefused(
            f"Invalid amount: amounts in {currency.upper()} must be divisible by {step}.",
            code="parameter_invalid_integer",
            param="amount",
        )


def balance_insufficient(available: int, currency: str) -> StripeRefusal:
    """https://docs.stripe.com/error-codes#balance-insufficient"""
    return StripeRefusal(
        "You have insufficient available funds in your Stripe account: "
        f"{amount_text(max(available, 0), currency)} are available.",
        code="balance_insufficient",
    )
