"""What a mandate says that nobody here can check: wherever it stands it refuses the payment, and is named."""

import json
from typing import Any

import pytest
from ap2_reading import BUDGET, MONTHLY, RANGE, WALLET, Json, read, refusal
from ap2_wallet import AUDIENCE, CARD, MERCHANT, PISP, Mandated, Wallet, disclosure, sha256

from axiru.domain.base64url import decoded

EVERY_CONSTRAINT: list[Json] = [
    {**RANGE, "min": 1},
    {"type": "payment.allowed_payees", "allowed": [MERCHANT]},
    {"type": "payment.allowed_payment_instruments", "allowed": [CARD]},
    {"type": "payment.allowed_pisps", "allowed": [PISP]},
    BUDGET,
    MONTHLY,
    {"type": "payment.execution_date", "not_before": "2020-01-01", "not_after": "2999-01-01"},
]


def test_a_name_that_ap2_does_not_know_in_a_constraint_refuses_and_is_named() -> None:
    """It may be a limit as well as a whole constraint may be: one user's `per_day` is not for an agent to skip."""
    payment = {"pisp": PISP}
    assert refusal(*EVERY_CONSTRAINT, payment=payment) is None
    for at, one in enumerate(EVERY_CONSTRAINT):
        spoken = [*EVERY_CONSTRAINT]
        spoken[at] = {**one, "per_day": 1}
        told = read(WALLET.shown(*spoken, payment=payment)).mandate
        assert told.refusal == "mandate_constraint_member_unknown"
        assert told.message == f'The constraint {one["type"]} says "per_day", which nobody here can check.'
        for entry in one.get("allowed", ()):
            spoken[at] = {**one, "allowed": [{**entry, "per_day": 1}]}
            told = read(WALLET.shown(*spoken, payment=payment)).mandate
            assert (told.refusal, "per_day" in (told.message or "")) == ("mandate_constraint_member_unknown", True)
            # What is said of another, or beside an entry that allows this one without more, is no limit to it.
            spoken[at] = {**one, "allowed": [{**entry, "per_day": 1}, entry]}
            assert read(WALLET.shown(*spoken, payment=payment)).mandate.refusal is None


def test_a_reference_says_nothing_but_the_checkout() -> None:
    reference = {"type": "payment.reference", "conditional_transaction_id": sha256("x"), "merchant": "merchant_1"}
    assert refusal(reference, reference=False) == "mandate_constraint_member_unknown"


@pytest.mark.parametrize(
    ("opened", "payment", "named"),
    [
        ({"limits": [{"type": "payment.budget"}]}, {}, "limits"),
        ({"constraints_v2": []}, {"constraints_v2": []}, "constraints_v2"),
        ({"crit": ["limits"]}, {"crit": ["limits"]}, "crit"),
        ({"aud": "https://elsewhere.example"}, {"aud": "https://elsewhere.example"}, "aud"),
        ({"payment_instrument": {**CARD, "per_day": 1}}, {"payment_instrument": {**CARD, "per_day": 1}}, "per_day"),
        ({}, {"constraints": []}, "constraints"),
        ({}, {"tip": {"amount": 100, "currency": "USD"}}, "tip"),
        ({}, {"payee": {**MERCHANT, "on_behalf_of": "merchant_9"}}, "on_behalf_of"),
        ({}, {"pisp": {**PISP, "agent_of": "x"}}, "agent_of"),
        ({}, {"payment_amount": {"amount": 10_000, "currency": "USD", "exponent": 0}}, "exponent"),
        ({"\ud800\0 \n\u202e" + "x" * 300: 1}, {}, "\\ud800\\u0000 \\n\\u202e"),
    ],
)
def test_a_claim_that_ap2_does_not_know_refuses_and_is_named(opened: Json, payment: Json, named: str) -> None:
    told = read(WALLET.shown(RANGE, payment=payment, **opened)).mandate
    assert told.refusal == "mandate_claim_unknown"
    assert told.message is not None
    assert f'"{named}' in told.message
    assert len(told.message) < 200


def test_what_is_no_promise_to_the_user_may_say_more() -> None:
    """The instrument that is paid with, signals of risk, and a credential of which a part stays hidden."""
    more = {"payment_instrument": {**CARD, "network": "visa"}, "risk_data": {"device": "known"}}
    assert refusal(RANGE, payment=more, risk_data={"session": "new"}) is None
    user, bank = Wallet(), Wallet()
    for said, why in (({}, None), ({"constraints": []}, "mandate_undisclosed")):
        held = {"iss": bank.name, "vct": "com.example.card", "card_last_four": "4444", "_sd": [sha256("hidden")]}
        credential = bank.issuer.sign({**held, "cnf": {"jwk": user.agent.public}, **said}, typ="dc+sd-jwt") + "~"
        transaction_id = sha256("t")
        opened, bodies = {}, []
        for kind in ("checkout", "payment"):
            referred = {"type": "payment.reference", "conditional_transaction_id": sha256(opened.get("checkout", ""))}
            content: Json = {"vct": f"mandate.{kind}.open.1", "constraints": [referred] if kind == "payment" else []}
            content["cnf"] = {"jwk": WALLET.agent.public}
            delegated = user.close(credential, content, typ="kb+sd-jwt+kb")
            opened[kind] = delegated.partition("~~")[2]
            closed: Json = {"vct": f"mandate.{kind}.1", "checkout_jwt": "t", "checkout_hash": transaction_id}
            if kind == "payment":
                closed = {"vct": "mandate.payment.1", "transaction_id": transaction_id, "payee": MERCHANT, **more}
                closed["payment_amount"] = {"amount": 10_000, "currency": "USD"}
            bound = WALLET.close(opened[kind], closed).partition("~~")[2]
            bodies.append(f"{credential.removesuffix('~')}~~{opened[kind].removesuffix('~')}~~{bound}")
        shown = {"mandate": bodies[1], "checkout_mandate": bodies[0]}
        assert read(shown, wallet=bank).mandate.refusal == why


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"constraints": [{"type": "payment.budget", "max": 1, "currency": "USD"}]}, "mandate_claim_unknown"),
        ({"max_amount": 1}, "mandate_claim_unknown"),
        ({"_sd": [sha256("hidden")]}, "mandate_undisclosed"),
        ({"aud": "https://elsewhere.example"}, "mandate_audience_mismatch"),
        ({"aud": ["https://elsewhere.example", AUDIENCE]}, None),
        ({"aud": AUDIENCE, "nbf": 1, "jti": "x", "vct": "com.example.mandates"}, None),
        ({"aud": {}}, "mandate_audience_mismatch"),
    ],
)
def test_what_an_issuer_says_round_a_mandate_limits_it_as_well(claims: Json, why: str | None) -> None:
    made = Mandated(WALLET, RANGE)
    content = json.loads(decoded(made.opened.split(".")[1]))["delegate_payload"][0]
    made.opened = WALLET.open(content, **claims)
    assert read(made.shown()).mandate.refusal == why


@pytest.mark.parametrize(
    ("typ", "why"),
    [
        ("dc+sd-jwt", None),
        ("application/example+SD-JWT", None),
        ("JWT", None),
        ("at+jwt", "mandate_type_unknown"),
        ("logout+jwt", "mandate_type_unknown"),
        ("", "mandate_type_unknown"),
        (None, "mandate_type_unknown"),
        (["dc+sd-jwt"], "mandate_type_unknown"),
        ("KB+sd-jwt", "mandate_type_unknown"),
        ("kb+sd-jwt", "mandate_chain_unsupported"),
    ],
)
def test_a_token_of_another_type_is_no_mandate(typ: Any, why: str | None) -> None:
    made = Mandated(WALLET, RANGE)
    signed, _, _ = made.opened.partition("~")
    content = json.loads(decoded(signed.split(".")[1]))
    made.opened = WALLET.issuer.sign(content, typ=typ) + "~"
    assert read(made.shown()).mandate.refusal == why


@pytest.mark.parametrize(
    "more",
    [{"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": "verify"}, {"alg": "ES384"}, {"exp": 1}, {"d": "A" * 43}],
)
def test_a_key_that_is_not_for_signatures_binds_nobody(more: Json) -> None:
    confirmed = {"jwk": {**WALLET.agent.public, **more}}
    assert refusal(RANGE, cnf=confirmed) == "mandate_key_unusable"
    assert refusal(RANGE, cnf={"jwk": {**WALLET.agent.public, "use": "sig", "key_ops": ["verify"]}}) is None


def test_a_mandate_of_one_issuer_is_not_taken_with_the_key_of_another() -> None:
    for said in ({"iss": "https://other.example"}, {"iss": 7}):
        assert refusal(RANGE, **said) == "mandate_issuer_not_trusted"
    made, hidden = Mandated(WALLET, RANGE), disclosure("iss", "https://other.example")
    content = json.loads(decoded(made.opened.split(".")[1]))["delegate_payload"]
    made.opened = f"{WALLET.issuer.sign({'delegate_payload': content, '_sd': [sha256(hidden)]})}~{hidden}~"
    assert read(made.shown()).mandate.refusal == "mandate_issuer_not_trusted"
