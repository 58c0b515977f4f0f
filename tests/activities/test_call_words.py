"""What is sealed as a call, what approvers read of it, and what can be taken back: pure, for every operation."""

from typing import get_args

import pytest

from axiru.domain.call_words import IRREVERSIBLE, call_sentence, movement_title
from axiru.domain.execution import Operation, StripeCall, call_of
from axiru.domain.movement import SURFACES, Amount, Context, Initiator, Merchant, Ovt, Target
from axiru.domain.undoing import UNDO_TEXT, how_undone, undo_of, why_not_undone

DECISION = "ed_1"
MARK = {"metadata": {"axiru_decision_id": DECISION}}


def _ovt(action: str, reason_code: str | None = None, **target: str) -> Ovt:
    return Ovt(
        rail="stripe",
        rail_action=action,
        amount=Amount("1234", "usd"),
        initiator=Initiator("api_key", "key_1"),
        merchant=Merchant("stripe_conn_1", "acct_shop"),
        target=Target(**target),
        context=Context(reason_code=reason_code),
        execute="axiru",
    )


CALLS: dict[Operation, tuple[Ovt, dict[str, object], str]] = {
    "refunds.create": (
        _ovt("refund", "duplicate_charge", charge="ch_1"),
        {"amount": 1234, "charge": "ch_1", "reason": "duplicate", **MARK},
        "Refund $12.34 of payment ch_1 to the customer.",
    ),
    "payouts.create": (
        _ovt("payout", destination="ba_1"),
        {"amount": 1234, "currency": "usd", "destination": "ba_1", **MARK},
        "Pay out $12.34 from the balance of acct_shop to ba_1.",
    ),
    "payouts.cancel": (
        _ovt("payout", payout="po_1", payout_action="cancel"),
        {"payout": "po_1"},
        "Cancel payout po_1 of $12.34; the money goes back to the balance.",
    ),
    "payouts.reverse": (
        _ovt("payout", payout="po_1", payout_action="reverse"),
        {"payout": "po_1", **MARK},
        "Reverse payout po_1 of $12.34: debit the bank account it went to.",
    ),
    "transfers.create": (
        _ovt("transfer", destination="acct_1"),
        {"amount": 1234, "currency": "usd", "destination": "acct_1", "transfer_group": DECISION, **MARK},
        "Transfer $12.34 from the balance of acct_shop to the connected account acct_1.",
    ),
    "transfers.reverse": (
        _ovt("transfer", transfer="tr_1"),
        {"transfer": "tr_1", "amount": 1234, **MARK},
        "Reverse $12.34 of transfer tr_1: take it back from the connected account.",
    ),
    "application_fees.refund": (
        _ovt("app_fee_refund", application_fee="fee_1", charge="ch_1"),
        {"application_fee": "fee_1", "amount": 1234, **MARK},
        "Refund $12.34 of application fee fee_1 to the account it was taken from.",
    ),
    "disputes.submit_evidence": (
        _ovt("dispute", dispute="du_1", dispute_action="submit_evidence", packet="evp_1", packet_digest="ab"),
        {"dispute": "du_1", "packet": "evp_1", "digest": "ab", **MARK},
        "Submit evidence packet evp_1 to the bank, for dispute du_1 over $12.34.",
    ),
    "disputes.close": (
        _ovt("dispute", dispute="du_1", dispute_action="close"),
        {"dispute": "du_1"},
        "Close dispute du_1: give up $12.34, which the customer keeps.",
    ),
}


def test_every_operation_is_asked_for_by_a_decision_or_undoes_one() -> None:
    assert CALLS.keys() | {"refunds.cancel"} == set(get_args(Operation))


@pytest.mark.parametrize("operation", CALLS)
def test_call_is_built_of_the_request_alone_and_says_in_words_what_it_does(operation: Operation) -> None:
    ovt, parameters, sentence = CALLS[operation]

    call = call_of(DECISION, ovt)

    assert call == StripeCall(operation, "stripe_conn_1", "acct_shop", parameters, "usd", 1234)  # type: ignore[arg-type]
    assert call_sentence(call) == sentence
    assert IRREVERSIBLE[operation]
    assert movement_title(ovt.rail_action, call)


def test_transfer_of_a_charge_takes_its_charge_and_leaves_its_group() -> None:
    call = call_of(DECISION, _ovt("transfer", destination="acct_1", charge="ch_1"))
    assert call.parameters["source_transaction"] == "ch_1"
    assert "transfer_group" not in call.parameters


@pytest.mark.parametrize(
    "ovt",
    [
        _ovt("refund"),
        _ovt("transfer"),
        _ovt("app_fee_refund", charge="ch_1"),
        _ovt("dispute"),
        _ovt("dispute", dispute="du_1"),
        _ovt("credit", charge="ch_1"),
        _ovt("adjustment", charge="ch_1"),
    ],
)
def test_no_call_is_built_of_what_names_nothing_or_is_never_executed(ovt: Ovt) -> None:
    with pytest.raises(ValueError, match=r"needs|never executed"):
        call_of(DECISION, ovt)


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("status", [None, "requires_action", "pending", "in_transit", "paid", "failed", "succeeded"])
def test_what_can_be_undone_says_how_and_what_cannot_says_why(operation: Operation, status: str | None) -> None:
    call = call_of(DECISION, CALLS[operation][0])

    undo = undo_of(DECISION, call, "obj_1", status)

    expected = {
        ("refunds.create", "requires_action"): "refunds.cancel",
        ("payouts.create", "pending"): "payouts.cancel",
        ("payouts.create", "in_transit"): "payouts.reverse",
        ("payouts.create", "paid"): "payouts.reverse",
    }
    wanted = "transfers.reverse" if operation == "transfers.create" else expected.get((operation, str(status)))
    assert (undo.operation if undo else None) == wanted
    assert why_not_undone(call)
    if undo is not None:
        assert how_undone(undo)
        assert "obj_1" in undo.parameters.values()
        assert (undo.stripe_account_id, undo.amount_cents, undo.currency) == ("acct_shop", 1234, "usd")
        assert undo_of(DECISION, undo, "obj_2", status) is None
    assert undo_of(DECISION, call, None, status) is None


def test_every_action_on_stripe_says_what_can_be_undone() -> None:
    assert {surface.partition(".")[2] for surface in SURFACES if surface.startswith("stripe.")} == UNDO_TEXT.keys()
