"""Messages for Slack: whatever people wrote, they fit Slack's limits, mention nobody and look like nothing else."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axiru.dev.slack_sandbox.checking import faults_of_message, faults_of_view
from axiru.domain.approval_sheet import (
    ApprovalSheet,
    EarlierRefund,
    EarlierTotal,
    EscalationDue,
    GroupNeeded,
    HeldBy,
    Named,
    PaymentContext,
    SheetVote,
)
from axiru.domain.evaluation import RuleHit
from axiru.domain.execution import StripeCall
from axiru.domain.movement import Target
from axiru.domain.sheet_lines import sections
from axiru.slack.approval_message import approval_message
from axiru.slack.buttons import APPROVE, DENY, OPEN, Shown
from axiru.slack.deny_modal import deny_modal, told_modal
from axiru.slack.home import SHOWN, home_view
from axiru.slack.text import code, code_block, said

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
APPROVAL_ID = "ap_" + "0" * 26
DIGEST = "a1" * 32
MENTIONS = re.compile(r"<(?!!date\^)")
HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from("<>&!@#*_~`|\n\r\t\u202e\u200b\x00"),
        # Half a surrogate pair is no text: neither JSON's reader nor PostgreSQL lets one in.
        st.characters(exclude_categories=("Cs",)),
    ),
    max_size=400,
)


def sheet(words: str = "text", state: str = "pending", votes: int = 1) -> ApprovalSheet:
    """An approval in which `words` stand wherever people or systems outside can put text."""
    vote = SheetVote("vt_1", Named("mem_1", words), Named("mem_2", words), "deny", words, "slack", NOW)
    return msgspec.convert(
        {
            "approval_id": APPROVAL_ID,
            "decision_id": "ed_1",
            "organization_id": "org_1",
            "organization_name": words,
            "mode": "test",
            "state": state,
            "decision_state": "held",
            "digest": DIGEST,
            "execute": "axiru",
            "asked_at": NOW,
            "expires_at": NOW + timedelta(hours=4),
            "closed_at": None if state == "pending" else NOW,
            "requested_by": Named("mem_3", words),
            "approver_role": "controller",
            "action": "app_fee_refund",
            "amount": {"units": "99999999999", "asset": "usd", "exponent": 2},
            "amount_cents": 99_999_999_999,
            "currency": "usd",
            "exponent": 2,
            "stripe_connection_id": words,
            "stripe_account_id": words,
            "charge": words,
            "payment_intent": words,
            "customer_id": words,
            "customer_email": words,
            "customer_tenure_days": 3,
            "reason_code": words,
            "source": words,
            "extra": {f"{words}{number}": words for number in range(40)},
            "metadata": {words[:40]: words},
            "reason": "r",
            "message": words,
            "matched_rule": words,
            "hits": (),
            "flags": tuple(RuleHit(words, "k", "flag", 1, "r", words) for _ in range(20)),
            "would_execute": StripeCall(
                "refunds.create", "c", words, {"charge": words, "metadata": {"a": words}}, "usd"
            ),
            "payment": PaymentContext(
                amount_cents=1,
                amount_refunded_cents=0,
                remaining_cents=1,
                currency="usd",
                status=words,
                created_at=NOW,
                disputed=True,
                read_at=NOW,
            ),
            "earlier": tuple(EarlierRefund("ed_2", 1, "usd", "executed", words, NOW) for _ in range(10)),
            "earlier_total": tuple(EarlierTotal("usd", 1, 1) for _ in range(150)),
            "groups": tuple(GroupNeeded(words, 2, (words,) * 2) for _ in range(30)),
            "escalations": tuple(EscalationDue(words, NOW) for _ in range(30)),
            "votes": (vote,) * votes,
            "assignee": Named("mem_4", words),
            "info_requested_at": NOW,
            "comments_count": 3,
            "held_by": HeldBy("ct_1", words),
            "break_glass": None,
        },
        ApprovalSheet,
    )


def texts(tree: Any) -> list[str]:
    """Every mrkdwn text in blocks."""
    match tree:
        case {"type": "mrkdwn", "text": str(text)}:
            return [text]
        case dict():
            return [text for part in tree.values() for text in texts(part)]
        case list():
            return [text for part in tree for text in texts(part)]
        case _:
            return []


def assert_harmless(blocks: list[Any]) -> None:
    for text in texts(blocks):
        assert not MENTIONS.search(text), text
        assert not re.search(r"&(?!(amp|lt|gt);)", text), text
        assert not text.endswith("…") or len(text) <= 3_000
        assert "\u202e" not in text
        assert text.count("```") % 2 == 0, text


@settings(max_examples=60, deadline=None)
@given(HOSTILE, st.sampled_from(["pending", "approved", "denied", "expired"]))
def test_whatever_was_written_the_message_fits_and_mentions_nobody(words: str, state: str) -> None:
    shown = approval_message(sheet(words, state, votes=20), "https://console.example")

    assert faults_of_message(shown.blocks) == []
    assert_harmless(shown.blocks)


@settings(max_examples=30, deadline=None)
@given(HOSTILE)
def test_whatever_was_written_the_app_home_fits(words: str) -> None:
    waiting = [msgspec.structs.replace(sheet(words), approval_id=f"ap_{number:026}") for number in range(SHOWN)]

    view = home_view(waiting, 20, "https://console.example")

    assert faults_of_view(view) == []
    assert_harmless(view["blocks"])


@pytest.mark.parametrize(("state", "warned"), [("pending", True), ("approved", False)])
def test_slack_and_mail_warn_of_what_stripe_says_against_an_open_request(state: str, *, warned: bool) -> None:
    asked = sheet("cus_1", state)
    assert asked.payment is not None
    payment = msgspec.structs.replace(asked.payment, customer_id="cus_2")
    asked = msgspec.structs.replace(asked, action="refund", payment=payment)
    in_slack = " ".join(texts(approval_message(asked, "https://console.example").blocks))
    in_mail = [line.value for section in sections(asked) for line in section.lines]
    for sentence in (
        "$999,999,999.98 USD more than is left: approved, it is stopped before the call.",
        "The customer disputes this payment at their bank.",
        "On Stripe this payment belongs to cus_2, not to cus_1.",
    ):
        assert (sentence in in_mail) is warned
        assert (said(sentence) in in_slack) is warned


def test_long_texts_are_cut_to_slacks_limits() -> None:
    shown = approval_message(sheet("<" * 5_000, votes=50), "https://console.example")

    assert faults_of_message(shown.blocks) == []
    assert_harmless(shown.blocks)


def test_modals_fit() -> None:
    assert faults_of_view(deny_modal(Shown(APPROVAL_ID, DIGEST))) == []
    assert faults_of_view(told_modal("x" * 10_000)) == []


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;"),
        ("*bold* ~gone~ `code`", "∗bold∗ ∼gone∼ ˋcodeˋ"),
        ("one\ntwo\r\n\tthree", "one two three"),
        ("pay\u202e\u200bout\x07", "payout"),
        ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
    ],
)
def test_what_people_wrote_is_shown_as_they_wrote_it_and_as_nothing_more(written: str, shown: str) -> None:
    assert said(written) == shown


def test_text_is_cut_between_characters_and_not_inside_an_entity() -> None:
    assert said("&" * 10, 21) == "&amp;" * 4 + "…"
    assert len(said("<" * 1_000, 100)) <= 100


def test_ids_stay_as_they_are_to_be_copied() -> None:
    assert code("ch_demo_001") == "`ch_demo_001`"
    assert code("a`b") == "`aˋb`"
    assert "`" not in code_block("```\nout").strip("`")


def test_open_approval_has_buttons_that_are_bound_to_its_digest() -> None:
    (row,) = [block for block in approval_message(sheet(), "").blocks if block["type"] == "actions"]

    approve, deny = row["elements"]
    assert (approve["action_id"], deny["action_id"]) == (APPROVE, DENY)
    assert approve["value"] == deny["value"] == f"{APPROVAL_ID}:{DIGEST}"
    assert "sealed" in approve["confirm"]["text"]["text"]


@pytest.mark.parametrize("state", ["approved", "denied", "expired"])
def test_closed_approval_has_no_button_to_vote(state: str) -> None:
    blocks = approval_message(sheet(state=state), "https://console.example/").blocks
    (row,) = [block for block in blocks if block["type"] == "actions"]

    assert [(one["action_id"], one["url"]) for one in row["elements"]] == [
        (OPEN, "https://console.example/decisions/ed_1")
    ]


@pytest.mark.parametrize(
    "value", ["", APPROVAL_ID, f"{APPROVAL_ID}:", f"{APPROVAL_ID}:{DIGEST}\n", f"{APPROVAL_ID}:{DIGEST.upper()}", "a:b"]
)
def test_value_that_no_button_of_ours_has_is_none(value: str) -> None:
    assert Shown.parse(value) is None


def test_value_of_a_button_reads_back() -> None:
    shown = Shown(APPROVAL_ID, DIGEST)

    assert Shown.parse(shown.value) == shown


def test_however_many_objects_are_named_slack_shows_them_all_and_the_deadline() -> None:
    target = Target("ch_1", None, "acct_1", "po_1", "tr_1", "du_1", None, "fee_1")
    asked = msgspec.structs.replace(sheet("cus_1", "pending"), charge="ch_1", target=target)

    shown = " ".join(texts(approval_message(asked, "https://console.example").blocks))

    for named in ("ch_1", "acct_1", "po_1", "tr_1", "du_1", "fee_1", "then it is denied"):
        assert named in shown
