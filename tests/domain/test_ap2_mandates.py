"""Payment mandates of AP2: what covers a payment, and that nothing unknown, hidden or altered ever does."""

import json
import random
import re
import string
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ap2_reading import BUDGET, MONTHLY, RANGE, WALLET, read, refusal
from ap2_wallet import CARD, MERCHANT, PISP, Key, Mandated, Wallet, b64, disclosure, now, sha256
from hypothesis import given, settings
from hypothesis import strategies as st
from p256_recovery import N as ORDER
from p256_recovery import keys_of

from axiru.domain.ap2 import Presented, read_mandate
from axiru.domain.ap2_chain import TrustedIssuer
from axiru.domain.ap2_constraints import bounds_of
from axiru.domain.base64url import decoded
from axiru.domain.mandate import Broken, Mandate, MandateUse, refusal_of
from axiru.domain.movement import Amount
from axiru.domain.sd_jwt import SdJwtInvalid, read_sd_jwt, resolved

Json = dict[str, Any]


def test_a_mandate_covers_what_it_is_for_and_says_of_whom_it_speaks() -> None:
    told = read(WALLET.shown(RANGE, sub="user_7"))
    assert told.mandate.refusal is None
    assert (told.issuer, told.user, told.payee and told.payee.id) == (WALLET.name, "user_7", "merchant_1")
    assert (told.mandate.most_uses, told.mandate.most_units) == (1, None)
    made = Mandated(WALLET, RANGE)
    content = {**json.loads(decoded(made.shown()["mandate"].split("~~")[1].split(".")[1]))["delegate_payload"][0]}
    own_word = {**made.shown(), "mandate": WALLET.close(made.opened, {**content, "sub": "user_8"}, sub="user_9")}
    assert (read(own_word).mandate.refusal, read(own_word).user) == (None, None)
    often = read(WALLET.shown(RANGE, BUDGET, MONTHLY)).mandate
    assert (often.most_uses, often.most_units, often.every) == (3, "30000", "MONTHLY")


@pytest.mark.parametrize(
    ("constraint", "payment", "why"),
    [
        (RANGE, {"payment_amount": {"amount": 10_000, "currency": "EUR"}}, "mandate_currency_not_allowed"),
        ({**RANGE, "max": 10_000}, {}, None),
        ({**RANGE, "max": 9_999}, {}, "mandate_amount_out_of_range"),
        ({**RANGE, "min": 10_000}, {}, None),
        ({**RANGE, "min": 10_001}, {}, "mandate_amount_out_of_range"),
        ({**RANGE, "max": 20_000.5}, {}, "mandate_constraint_unreadable"),
        ({**RANGE, "max": True}, {}, "mandate_constraint_unreadable"),
        ({"type": "payment.amount_range", "currency": "USD"}, {}, "mandate_constraint_unreadable"),
        ({"type": "payment.allowed_payees", "allowed": [MERCHANT]}, {}, None),
        ({"type": "payment.allowed_payees", "allowed": []}, {}, "mandate_payee_not_allowed"),
        ({"type": "payment.allowed_payees", "allowed": ["merchant_1"]}, {}, "mandate_payee_not_allowed"),
        ({"type": "payment.allowed_payees", "allowed": [{**MERCHANT, "id": "m2"}]}, {}, "mandate_payee_not_allowed"),
        ({"type": "payment.allowed_payees", "allowed": [{**MERCHANT, "name": "x"}]}, {}, "mandate_payee_not_allowed"),
        ({"type": "payment.allowed_payees"}, {}, "mandate_constraint_unreadable"),
        ({"type": "payment.allowed_payment_instruments", "allowed": [CARD]}, {}, None),
        (
            {"type": "payment.allowed_payment_instruments", "allowed": [{**CARD, "type": "upi"}]},
            {},
            "mandate_instrument_not_allowed",
        ),
        ({"type": "payment.allowed_pisps", "allowed": [PISP]}, {"pisp": PISP}, None),
        ({"type": "payment.allowed_pisps", "allowed": [PISP]}, {}, "mandate_pisp_not_allowed"),
        (
            {"type": "payment.allowed_pisps", "allowed": [PISP]},
            {"pisp": {**PISP, "domain_name": "evil.example"}},
            "mandate_pisp_not_allowed",
        ),
        ({**BUDGET, "max": 100}, {}, None),
        ({**BUDGET, "currency": "EUR"}, {}, "mandate_currency_not_allowed"),
        ({**BUDGET, "max": "300"}, {}, "mandate_constraint_unreadable"),
        ({**BUDGET, "max": -1}, {}, "mandate_constraint_unreadable"),
        (MONTHLY, {}, "mandate_recurrence_unbounded"),
        ({**MONTHLY, "frequency": "HOURLY"}, {}, "mandate_constraint_unreadable"),
        ({**MONTHLY, "max_occurrences": "3"}, {}, "mandate_constraint_unreadable"),
        ({"type": "payment.execution_date"}, {}, None),
        ({"type": "payment.execution_date", "not_before": "2999-01-01"}, {}, "mandate_too_early"),
        ({"type": "payment.execution_date", "not_after": "2020-01-01"}, {}, "mandate_too_late"),
        ({"type": "payment.execution_date", "not_after": "tomorrow"}, {}, "mandate_constraint_unreadable"),
        ({"type": "payment.execution_date", "not_after": "2999-01-01T00:00:00"}, {}, "mandate_constraint_unreadable"),
        (
            {"type": "payment.execution_date", "not_before": "2030-01-01", "not_after": "2030-01-31"},
            {"execution_date": "2030-01-31"},
            None,
        ),
        (
            {"type": "payment.execution_date", "not_before": "2030-01-01", "not_after": "2030-01-31"},
            {"execution_date": "2030-02-01T00:00:00Z"},
            "mandate_too_late",
        ),
        (
            {"type": "payment.execution_date", "not_before": "2020-01-01", "not_after": "2020-01-31"},
            {"execution_date": "2020-01-15"},
            "mandate_execution_date_past",
        ),
        ({"type": "payment.reference", "conditional_transaction_id": "x"}, {}, "mandate_checkout_not_allowed"),
        ({"type": "payment.geofence", "country": "DE"}, {}, "mandate_constraint_unknown"),
        ({"kind": "payment.amount_range"}, {}, "mandate_constraint_unknown"),
        ({"type": ["payment.budget"]}, {}, "mandate_constraint_unknown"),
    ],
)
def test_every_constraint_is_checked_and_what_is_not_known_is_broken(
    constraint: Json, payment: Json, why: str | None
) -> None:
    amount = payment.get("payment_amount")
    told = read(WALLET.shown(constraint, payment=payment), asset=amount["currency"].lower() if amount else "usd")
    assert told.mandate.refusal == why


@pytest.mark.parametrize(
    ("opened", "payment", "why"),
    [
        ({"payee": MERCHANT}, {}, None),
        ({"payee": {**MERCHANT, "name": "Other"}}, {}, "mandate_claim_changed"),
        ({"payment_amount": {"amount": 1, "currency": "USD"}}, {}, "mandate_claim_changed"),
        ({"execution_date": "2030-01-01"}, {}, "mandate_claim_changed"),
        ({"something_new": 1}, {"something_new": 1}, "mandate_claim_unknown"),
        ({"vct": "mandate.payment.open.2"}, {}, "mandate_type_unknown"),
        ({}, {"vct": "mandate.payment.2"}, "mandate_type_unknown"),
        ({"exp": now() - 1}, {}, "mandate_expired"),
        ({"nbf": now() + 3600}, {}, "mandate_not_yet_valid"),
        ({"exp": "2999"}, {}, "mandate_malformed"),
        ({"status": {"status_list": {"idx": 1}}}, {}, "mandate_status_unchecked"),
        ({"constraints": "none"}, {}, "mandate_constraint_unreadable"),
        ({"reference": False}, {}, "mandate_reference_missing"),
        ({"cnf": {"jwk": {}, "kid": "x"}}, {}, "mandate_key_unusable"),
        ({}, {"cnf": {"jwk": {}}}, "mandate_chain_unsupported"),
        ({}, {"payee": {"id": "merchant_1"}}, "mandate_malformed"),
        ({}, {"payment_amount": {"amount": 100.0, "currency": "USD"}}, "mandate_malformed"),
        ({}, {"payment_amount": {"amount": 9_999, "currency": "USD"}}, "mandate_amount_mismatch"),
        ({}, {"transaction_id": "another"}, "mandate_checkout_not_allowed"),
    ],
)
def test_what_the_open_mandate_says_stays_as_it_is(opened: Json, payment: Json, why: str | None) -> None:
    assert refusal(payment=payment, **opened) == why


def test_only_the_key_that_was_confirmed_makes_a_payment_of_a_mandate_and_for_one_audience() -> None:
    made = Mandated(WALLET, RANGE)
    shown = made.shown()
    closed = {"vct": "mandate.payment.1"}
    assert read(shown, audience="https://other.example").mandate.refusal == "mandate_audience_mismatch"
    assert read(shown, nonce="another").mandate.refusal == "mandate_audience_mismatch"
    for chain, why in (
        (WALLET.close(made.opened, closed, by=Key()), "mandate_signature_invalid"),
        (WALLET.close(made.opened, closed, sd_hash="x"), "mandate_binding_invalid"),
        (WALLET.close(made.opened, closed, issuer_jwt_hash="x"), "mandate_binding_invalid"),
        (WALLET.close(made.opened, closed, typ="JWT"), "mandate_chain_unsupported"),
        (WALLET.close(made.opened, closed, iat=now() - 601), "mandate_stale"),
        (WALLET.close(made.opened, closed, iat=now() + 61), "mandate_not_yet_valid"),
        (made.opened, "mandate_chain_unsupported"),
        (shown["mandate"].partition("~~")[2], "mandate_chain_unsupported"),
        ("~~".join([shown["mandate"].removesuffix("~")] * 2), "mandate_chain_unsupported"),
    ):
        assert read(shown, mandate=chain).mandate.refusal == why
    assert read(shown, wallet=Wallet()).mandate.refusal == "mandate_issuer_not_trusted"
    assert read(shown, checkout=None).mandate.refusal == "mandate_checkout_missing"
    assert read(shown, checkout=Mandated(WALLET).checkout).mandate.refusal == "mandate_checkout_not_allowed"


def test_an_agent_gains_nothing_by_what_it_does_not_disclose() -> None:
    """A hidden payee is one payee less; a hidden constraint, or claim, is nobody's to guess."""
    transaction_id = sha256("t")
    checkout, reference = WALLET.checkout("t")
    payee, other = disclosure(MERCHANT), disclosure({**MERCHANT, "id": "merchant_2"})
    limit, expiry = disclosure({**RANGE, "max": 1}), disclosure("payee", {**MERCHANT, "id": "m9"})
    payees = {"type": "payment.allowed_payees", "allowed": [{"...": sha256(payee)}, {"...": sha256(other)}]}
    referred = {"type": "payment.reference", "conditional_transaction_id": reference}
    payment = {"transaction_id": transaction_id, "payee": MERCHANT, "payment_instrument": CARD}
    payment |= {"vct": "mandate.payment.1", "payment_amount": {"amount": 10_000, "currency": "USD"}}

    def why(content: Json, *disclosures: str) -> str | None:
        opened = WALLET.open({"vct": "mandate.payment.open.1", **content}, *disclosures)
        return read({"mandate": WALLET.close(opened, payment), "checkout_mandate": checkout}).mandate.refusal

    assert why({"constraints": [referred, payees]}, payee) is None
    assert why({"constraints": [referred, payees]}, payee, other) is None
    assert why({"constraints": [referred, payees]}, other) == "mandate_payee_not_allowed"
    hidden = {"constraints": [referred, payees, {"...": sha256(limit)}]}
    assert why(hidden, payee, limit) == "mandate_amount_out_of_range"
    assert why(hidden, payee) == "mandate_undisclosed"
    claimed = {"constraints": [referred, payees], "_sd": [sha256(expiry)]}
    assert why(claimed, payee, expiry) == "mandate_claim_changed"
    assert why(claimed, payee) == "mandate_undisclosed"
    for disclosures in ((payee, payee), (payee, disclosure("x"))):
        assert why({"constraints": [referred, payees]}, *disclosures) == "mandate_disclosures_invalid"


@pytest.mark.parametrize(
    ("bought", "closed", "why"),
    [
        ("t", {}, None),
        ("t", {"checkout_jwt": None}, None),
        ("t", {"checkout_jwt": None, "_sd": [sha256("the cart")]}, None),
        ("t", {"checkout_jwt": None, "_sd": [sha256("the cart"), sha256("and what?")]}, "mandate_undisclosed"),
        ("t", {"_sd": [sha256("what?")]}, "mandate_undisclosed"),
        ("t", {"checkout_jwt": "another"}, "mandate_checkout_not_allowed"),
        ("t", {"checkout_jwt": "\u00e9"}, "mandate_checkout_not_allowed"),
        ("t", {"checkout_jwt": 7}, "mandate_checkout_not_allowed"),
        ("another", {}, "mandate_checkout_not_allowed"),
        ("t", {"vct": "mandate.checkout.2"}, "mandate_type_unknown"),
    ],
)
def test_a_checkout_may_keep_to_itself_what_is_bought_and_shows_no_other(
    bought: str, closed: Json, why: str | None
) -> None:
    made = Mandated(WALLET, reference=False)
    checkout, hashed = WALLET.checkout(bought, **closed)
    referred = {"type": "payment.reference", "conditional_transaction_id": hashed}
    made.opened = Mandated(WALLET, referred, RANGE, reference=False).opened
    shown = made.shown(transaction_id=sha256("t"))
    assert read(shown, checkout=checkout).mandate.refusal == why


@pytest.mark.parametrize(("name", "why"), [("acceptable_items", None), ("forbidden_items", "mandate_undisclosed")])
def test_a_checkout_shows_of_its_choices_what_it_likes(name: str, why: str | None) -> None:
    items = {"type": "checkout.line_items", "items": [{"id": "one", "quantity": 1, name: [{"...": sha256("hidden")}]}]}
    opened = WALLET.open({"vct": "mandate.checkout.open.1", "constraints": [items]})
    checkout = WALLET.close(opened, {"vct": "mandate.checkout.1", "checkout_hash": sha256("t")})
    referred = {"type": "payment.reference", "conditional_transaction_id": sha256(opened)}
    shown = Mandated(WALLET, referred, reference=False).shown(transaction_id=sha256("t"))
    assert read(shown, checkout=checkout).mandate.refusal == why


def test_no_character_of_a_chain_can_be_changed() -> None:
    shown = WALLET.shown(RANGE)
    drawn = random.Random(7)  # noqa: S311 - the same changes every time
    for name, text in (("mandate", shown["mandate"]), ("checkout", shown["checkout_mandate"])):
        for _ in range(250):
            at = drawn.randrange(len(text) - 1)
            other = drawn.choice([one for one in string.ascii_letters + string.digits + "-_.~" if one != text[at]])
            altered = text[:at] + other + text[at + 1 :]
            assert read(shown, **{name: altered}).mandate.refusal is not None, (name, at, other)


def test_the_last_bits_of_a_signature_have_one_spelling() -> None:
    chain = WALLET.shown(RANGE)["mandate"].removesuffix("~")
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    loose = alphabet[alphabet.index(chain[-1]) ^ 1]
    assert read(WALLET.shown(RANGE), mandate=f"{chain[:-1]}{loose}~").mandate.refusal is not None


def test_the_other_signature_of_the_same_words_makes_no_other_mandate() -> None:
    """With (r, s) also (r, n - s) verifies: counted by its signature, a mandate would have two budgets."""
    made = Mandated(WALLET, RANGE)
    first = read(made.shown()).mandate
    signing_input, _, signature = made.opened.removesuffix("~").rpartition(".")
    raw = decoded(signature)
    other = (ORDER - int.from_bytes(raw[32:])).to_bytes(32)
    made.opened = f"{signing_input}.{b64(raw[:32] + other)}~"
    second = read(made.shown()).mandate
    assert (first.refusal, second.refusal, first.id == second.id) == (None, None, True)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["...", "_sd", "id", "type"]), inner),
    max_leaves=4,
)
NAMES = [
    *("vct", "constraints", "cnf", "exp", "iat", "nbf", "payee", "payment_amount", "payment_instrument", "sub", "_sd"),
    *("transaction_id", "delegate_payload", "aud", "nonce", "sd_hash", "iss", "_sd_alg", "kid", "typ"),
]
PLACES = ("open", "claims", "payment", "closing", "header")


@given(place=st.sampled_from(PLACES), name=st.sampled_from(NAMES), junk=JUNK)
@settings(max_examples=250, deadline=None)
def test_whatever_is_signed_is_read_or_refused_and_never_an_error(place: str, name: str, junk: Any) -> None:
    said = {name: junk}
    content = {"vct": "mandate.payment.open.1", "constraints": [RANGE], **(said if place == "open" else {})}
    payment = {"vct": "mandate.payment.1", "transaction_id": sha256("t"), "payment_instrument": CARD, "payee": MERCHANT}
    payment |= {"payment_amount": {"amount": 10_000, "currency": "USD"}, **(said if place == "payment" else {})}
    opened = WALLET.open(content, **(said if place == "claims" else {}))
    if place == "header":
        opened = WALLET.issuer.sign({"delegate_payload": [content]}, **{name: junk}) + "~"
    chain = WALLET.close(opened, payment, **(said if place == "closing" else {}))
    told = read({"mandate": chain, "checkout_mandate": WALLET.checkout("t")[0]})
    assert told.mandate.refusal is not None
    assert json.dumps(told.mandate.message)


def test_what_is_nested_too_deep_is_refused() -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    inner, disclosures = "end", []
    for _ in range(700):
        disclosures.append(disclosure(inner if isinstance(inner, str) else [inner]))
        inner = {"...": sha256(disclosures[-1])}
    for opened in (
        WALLET.open({"vct": "mandate.payment.open.1", "constraints": [deep]}),
        WALLET.open({"vct": "mandate.payment.open.1", "constraints": [inner]}, *disclosures),
    ):
        chain = WALLET.close(opened, {"vct": "mandate.payment.1"})
        assert read({"mandate": chain, "checkout_mandate": None}).mandate.refusal is not None


PARTS: list[Json] = [
    RANGE,
    {**RANGE, "max": 9_999},
    {**RANGE, "currency": "EUR"},
    {"type": "payment.allowed_payees", "allowed": [MERCHANT]},
    {"type": "payment.allowed_payees", "allowed": []},
    {"type": "payment.allowed_payment_instruments", "allowed": [CARD]},
    {"type": "payment.allowed_pisps", "allowed": [PISP]},
    BUDGET,
    {**BUDGET, "max": 50},
    MONTHLY,
    {"type": "payment.execution_date", "not_after": "2999-01-01"},
    {"type": "payment.execution_date", "not_after": "2020-01-01"},
    {"type": "payment.reference", "conditional_transaction_id": "right"},
    {"type": "payment.reference", "conditional_transaction_id": "wrong"},
    {"type": "unheard.of"},
]
PAYMENT: Json = {
    "payee": MERCHANT,
    "payment_instrument": CARD,
    "payment_amount": {"amount": 10_000, "currency": "USD"},
}
FIRST = MandateUse(0, 0, None, presented=False)


def holds(constraints: list[Json], payment: Json = PAYMENT) -> bool:
    moment = datetime.now(UTC)
    try:
        bounds = bounds_of(constraints, payment, checkout="right", now=moment)
    except Broken:
        return False
    most = str(bounds.most_units) if bounds.most_units is not None else None
    mandate = Mandate("m", "p", most_units=most, most_uses=bounds.most_uses, every=bounds.every)
    return refusal_of(mandate, payment["payment_amount"]["amount"], FIRST, moment) is None


@given(
    chosen=st.lists(st.sampled_from(PARTS), max_size=6),
    at=st.integers(0, 6),
    junk=st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), st.lists, max_leaves=3),
    field=st.sampled_from(
        ["type", "allowed", "max", "currency", "frequency", "not_after", "conditional_transaction_id"]
    ),
)
@settings(max_examples=300, deadline=None)
def test_a_constraint_more_or_broken_never_lets_a_payment_through(
    chosen: list[Json], at: int, junk: Any, field: str
) -> None:
    """What holds together holds without any other; and no field of a constraint can be spoiled to any gain."""
    base = [PARTS[0], PARTS[7], PARTS[12]]
    for one in chosen:
        if not holds([*base, one]) and one is not MONTHLY:
            assert not holds([*base, *chosen])
    if chosen and not holds([*base, *chosen]):
        place = at % len(chosen)
        spoiled = [*chosen]
        spoiled[place] = {**spoiled[place], field: junk}
        numbers_or_dates = field in {"max", "not_after", "currency"} and isinstance(junk, int | str)
        assert numbers_or_dates or field not in chosen[place] or not holds([*base, *spoiled])


def test_every_reason_is_in_the_documentation() -> None:
    root = Path(__file__).parents[2]
    rooms = [*(root / "axiru" / "domain").glob("ap2*.py"), *(root / "axiru" / "domain").glob("*mandate.py")]
    texts = [path.read_text() for path in (*rooms, root / "axiru" / "domain" / "sd_jwt.py")]
    said = {f"mandate_{why}" for text in texts for why in re.findall(r'(?:Broken|SdJwtInvalid)\(\s*"(\w+)"', text)}
    said |= {why for text in texts for why in re.findall(r'"(mandate_\w+)"', text)}
    said |= {f"mandate_{why}" for text in texts for why in re.findall(r'"(\w+_unknown)"', text)}
    documented = (root / "docs" / "ap2.md").read_text()
    assert len(said) > 30
    assert [why for why in sorted(said) if f"`{why}`" not in documented] == []


@pytest.mark.parametrize(
    ("every", "last", "then", "why"),
    [
        ("ON_DEMAND", "2030-01-31T10:00:00Z", "2030-01-31T10:00:00Z", None),
        ("DAILY", "2030-01-31T23:59:59Z", "2030-01-31T23:59:59Z", "mandate_too_soon"),
        ("DAILY", "2030-01-31T23:59:59Z", "2030-02-01T00:00:00Z", None),
        ("WEEKLY", "2030-01-01T00:00:00Z", "2030-01-07T23:59:59Z", "mandate_too_soon"),
        ("WEEKLY", "2030-01-01T00:00:00Z", "2030-01-08T00:00:00Z", None),
        ("BIWEEKLY", "2030-01-01T00:00:00Z", "2030-01-14T00:00:00Z", "mandate_too_soon"),
        ("MONTHLY", "2030-01-31T00:00:00Z", "2030-02-27T00:00:00Z", "mandate_too_soon"),
        ("MONTHLY", "2030-01-31T00:00:00Z", "2030-02-28T00:00:00Z", None),
        ("QUARTERLY", "2030-11-30T00:00:00Z", "2031-02-28T00:00:00Z", None),
        ("ANNUALLY", "2028-02-29T00:00:00Z", "2029-02-27T00:00:00Z", "mandate_too_soon"),
    ],
)
def test_payments_of_one_mandate_keep_their_distance(every: Any, last: str, then: str, why: str | None) -> None:
    mandate = Mandate("m", "p", most_uses=None, every=every)
    used = MandateUse(1, 1, datetime.fromisoformat(last), presented=False)
    told = refusal_of(mandate, 1, used, datetime.fromisoformat(then))
    assert (told.reason if told else None) == why


def test_a_published_chain_is_read_as_its_documentation_says() -> None:
    """The example of AP2's documentation. Its issuer's key was not published: what verifies its signature stands in."""
    vectors = json.loads((Path(__file__).parent / "vectors" / "ap2_documentation.json").read_text())
    kid, moment = "agent-provider-key-1", datetime.fromtimestamp(1_777_342_371, UTC)
    keys = [key for name in ("payment", "checkout") for key in keys_of(vectors[name].partition("~")[0], kid)]
    issuers = [TrustedIssuer(f"ai_{number}", "unnamed", key) for number, key in enumerate(keys)]
    shown = Presented(
        vectors["payment"], "credential-provider", "a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3", vectors["checkout"]
    )
    told = read_mandate(shown, Amount("19900", "usd"), issuers=issuers, now=moment)
    assert (told.mandate.refusal, told.payee and told.payee.name) == (None, "Demo Merchant")
    assert read_mandate(shown, Amount("19901", "usd"), issuers=issuers, now=moment).mandate.refusal
    (first, *disclosures) = vectors["payment"].partition("~~")[0].split("~")
    content = resolved(read_sd_jwt(first, tuple(disclosures)))["delegate_payload"][0]
    assert content["constraints"][2]["conditional_transaction_id"] == "FzLoxbbtgQGYZxoSM2NJYJtkFTSsdfUBoVEQ12k7JN8"
    assert content["constraints"][1]["allowed"] == [MERCHANT]


@pytest.mark.parametrize(
    ("payload", "header"),
    [
        ('{"a":1,"a":2}', "{}"),
        ('{"a":NaN}', "{}"),
        ("[]", "{}"),
        ("[" * 40_000 + "]" * 40_000, "{}"),
        ('{"_sd_alg":"md5"}', "{}"),
        ("{}", '{"alg":"none"}'),
        ("{}", '{"alg":"HS256"}'),
        ("{}", '{"alg":"ES256","crit":["b64"]}'),
        ('{"x":{"...":"d"}}', '{"alg":"ES256"}'),
        ('{"x":[{"...":"d","y":1}]}', '{"alg":"ES256"}'),
        ('{"_sd":["d","d"]}', '{"alg":"ES256"}'),
        ('{"_sd":"d"}', '{"alg":"ES256"}'),
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read(payload: str, header: str) -> None:
    told = header if "alg" in header else '{"alg":"ES256"}'
    with pytest.raises(SdJwtInvalid):
        resolved(read_sd_jwt(f"{b64(told.encode())}.{b64(payload.encode())}.AAAA", ()))
