"""Connections, surfaces, disputes and set-up in words: what is told, and that nothing is told better than it is."""

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest

from axiru.domain.evidence import FIELDS, wanted_for
from axiru.domain.execution import call_of
from axiru.domain.movement import Amount, Context, Initiator, Merchant, Ovt, Target
from axiru.domain.stripe_event import EventState
from console.dispute_views import Dispute
from console.dispute_words import field_name, in_order, status_look
from console.onboarding_progress import STEPS, Progress, progress_of
from console.pages.connector_actions import surface_of
from console.pages.decision_head import STRIPE_APPROVAL_WORDS, acted_on
from console.pages.decision_sections import compared
from console.pages.dispute_answer import request_text
from console.pages.dispute_facts import fields_in_need_order
from console.pages.onboarding_enforce import executable
from console.payout_words import PAUSE_LOOKS, schedule_text
from console.policy_views import Policy, VersionSummary
from console.replay_views import Replay
from console.stripe_views import Agreement, Connection, ConnectionAction, ConnectionStatus, Surface
from console.stripe_words import (
    ACTION_NAMES,
    EVENT_LOOKS,
    STATUS_LOOKS,
    STATUS_SENTENCES,
    agreement_sentence,
    default_of,
    needs_override,
    percent_text,
)
from ledger.acts.connection_record import WriteAction

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def connection(**more: Any) -> Connection:
    return Connection(**{"id": "stripe_conn_1", "mode": "test", "status": "active", **more})


def surface(rail_action: str = "refund", surface_mode: str = "shadow", **more: Any) -> Surface:
    named = {"surface": f"stripe.{rail_action}", "rail": "stripe", "rail_action": rail_action, "mode": "test"}
    return msgspec.convert({**named, "surface_mode": surface_mode, **more}, Surface)


def replay(state: str = "done", source: str = "csv", day: int = 1, **more: Any) -> Replay:
    at = f"2026-11-{day:02}T12:00:00Z"
    about = {"id": f"rp_{day}", "title": "", "policy": "p v1", "requested_by": {"id": "mem_1"}, "expires_at": at}
    return msgspec.convert({**about, "source": source, "state": state, "created_at": at, **more}, Replay)


def policy(status: str = "active") -> Policy:
    version = VersionSummary(id="pv_1", slug="p", version=1, name="v1", status=status, content_hash="00")  # type: ignore[arg-type]
    return Policy(slug="p", live=version if status == "active" else None)


def test_everything_the_api_may_say_has_a_word() -> None:
    assert set(ACTION_NAMES) == set(get_args(WriteAction))
    assert set(EVENT_LOOKS) == set(get_args(EventState))
    assert set(STATUS_LOOKS) == set(STATUS_SENTENCES) == set(get_args(ConnectionStatus))
    assert status_look("a_status_of_next_year").label == "A status of next year"
    assert PAUSE_LOOKS["failed"].tone == "failed"
    assert all(word.endswith(".") for word in STRIPE_APPROVAL_WORDS.values())


@pytest.mark.parametrize(
    ("rate", "told"),
    [(100.0, "100 %"), (99.99, "99.9 %"), (97.96, "97.9 %"), (98.0, "98 %"), (0.0, "0 %"), (33.3, "33.3 %")],
)
def test_a_rate_is_never_told_higher_than_it_is(rate: float, told: str) -> None:
    assert percent_text(rate) == told


@pytest.mark.parametrize(
    ("agreement", "needed"),
    [
        (Agreement(), True),
        (Agreement(decisions=100, agreed=97, rate_percent=97.99), True),
        (Agreement(decisions=100, agreed=98, rate_percent=98.0), False),
        (Agreement(decisions=1, agreed=1, rate_percent=100.0), False),
    ],
)
def test_enforcing_takes_its_own_reason_unless_enough_is_known_to_agree(agreement: Agreement, needed: bool) -> None:
    assert needs_override(agreement) is needed


def test_what_was_not_compared_is_told_as_such() -> None:
    assert agreement_sentence(Agreement()) == "Nothing compared in the last 7 days."
    assert "1 decision in 7 days" in agreement_sentence(Agreement(decisions=1, agreed=1, rate_percent=100.0))


def test_the_default_connection_is_one_that_works() -> None:
    ended = connection(id="ended", status="revoked", is_default=True)
    other, default = connection(id="other"), connection(id="default", is_default=True)
    assert default_of((ended, other, default)) is default
    assert default_of((ended, other)) is other
    assert default_of((ended,)) is None


def test_set_up_goes_by_what_is_there() -> None:
    nothing = progress_of((), (), (), ())
    assert (nothing.current, nothing.done_count) == ("connect", 0)
    revoked = progress_of((connection(status="revoked"),), (), (), ())
    assert [one.status for one in revoked.revoked] == ["revoked"]
    assert revoked.current == "connect"
    by_file = progress_of((), (replay(),), (), ())
    assert (by_file.current, by_file.is_done("connect"), by_file.is_done("replay")) == ("tune", False, True)
    tuned = progress_of((connection(),), (replay(),), (policy(),), (surface(),))
    assert (tuned.current, tuned.done_count) == ("enforce", 3)
    done = progress_of((connection(),), (replay(),), (policy(),), (surface(surface_mode="enforce"),))
    assert (done.current, done.done_count) == (None, len(STEPS))


def test_only_history_counts_as_a_replay_and_only_live_versions_as_tuned() -> None:
    assert progress_of((connection(),), (replay(source="decisions"),), (), ()).replay is None
    assert progress_of((connection(),), (), (policy("shadow"),), ()).live == ()
    agents = surface("agent_payment", "enforce", rail="stripe_daa", surface="stripe_daa.agent_payment")
    assert progress_of((), (), (), (agents,)).enforced == ()


def test_a_failed_replay_hides_none_that_was_done_and_a_running_one_is_shown() -> None:
    def shown(*replays: Replay) -> str | None:
        found = progress_of((), replays, (), ()).replay
        return found.id if found else None

    assert shown(replay("done", day=1), replay("failed", day=2)) == "rp_1"
    assert shown(replay("done", day=1), replay("running", day=2)) == "rp_2"
    assert shown(replay("failed", day=1), replay("failed", day=2)) == "rp_2"
    later = progress_of((), (replay("done", day=1), replay("failed", day=2)), (), ())
    assert later.failed is not None
    assert later.failed.id == "rp_2"
    assert progress_of((), (replay("failed", day=1), replay("done", day=2)), (), ()).failed is None
    assert progress_of((), (replay("failed", day=1),), (), ()).failed is None
    assert shown(replay("done", day=3), replay("done", day=2)) == "rp_3"
    assert not Progress(replay=replay("failed")).is_done("replay")


def test_surfaces_to_enforce_are_those_axiru_can_execute_in_order() -> None:
    surfaces = [surface("credit"), surface("payout"), surface("refund"), surface("refund", stripe_connection_id="c")]
    assert [one.rail_action for one in executable(surfaces)] == ["refund", "payout"]


def test_a_connection_without_a_word_of_its_own_is_told_what_holds_for_all() -> None:
    action = ConnectionAction(action="refund", granted=False, surface_mode="enforce")
    general = surface("refund", "enforce", reason="for all")
    assert surface_of(connection(), action, [general]).stripe_connection_id == "stripe_conn_1"
    assert surface_of(connection(), action, [general]).reason == "for all"
    own = surface("refund", "enforce", stripe_connection_id="stripe_conn_1", reason="for this one")
    assert surface_of(connection(), action, [general, own]).reason == "for this one"
    assert needs_override(surface_of(connection(), action, []).agreement)


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ({"interval": "daily", "delay_days": 2}, "daily, after 2 days"),
        ({"interval": "weekly", "weekly_payout_days": ["monday", "friday"]}, "weekly on monday and friday"),
        ({"interval": "weekly", "weekly_anchor": "friday", "delay_days": 1}, "weekly on friday, after 1 day"),
        ({"interval": "monthly", "monthly_payout_days": [1, 15]}, "monthly on day 1 and 15"),
        ({"interval": "manual"}, "manual"),
        ({}, "unknown"),
    ],
)
def test_a_payout_schedule_reads_as_stripe_keeps_it(schedule: dict[str, Any], told: str) -> None:
    assert schedule_text(schedule) == told


def test_facts_that_would_help_are_offered_first_and_all_are_offered() -> None:
    missing = ("charge", "customer_name", "shipping_tracking_number|access_activity_log")
    offered = fields_in_need_order(missing)
    assert offered[:3] == ["customer_name", "shipping_tracking_number", "access_activity_log"]
    assert sorted(offered) == sorted(FIELDS)
    assert all(name in FIELDS for field in wanted_for("fraudulent") for name in field.split("|"))


def test_evidence_is_named_for_people() -> None:
    assert field_name("shipping_date|service_date") == "Shipping date or service date"
    assert field_name("charge") == "The charge itself, which could not be read from Stripe"
    assert in_order({"zzz": "1", "uncategorized_text": "2", "billing_address": "3"}) == [
        *("billing_address", "uncategorized_text", "zzz")
    ]


def test_the_request_that_answers_a_dispute_names_its_amount_and_dispute() -> None:
    dispute = Dispute(
        id="du_1",
        mode="test",
        amount_cents=1_300,
        currency="usd",
        reason="fraudulent",
        state="open",
        status="needs_response",
        opened_at=NOW,
        stripe_connection_id="stripe_conn_1",
    )
    first, _, body = request_text(dispute).partition("\n")
    asked = msgspec.json.decode(body)
    assert first == "POST /api/v1/decisions"
    assert asked["action"] == "dispute"
    assert asked["intent"] == {
        "dispute": "du_1",
        "dispute_action": "submit_evidence",
        "amount_cents": 1_300,
        "currency": "usd",
        "stripe_connection_id": "stripe_conn_1",
    }


def movement(rail_action: str, **target: str) -> Ovt:
    return Ovt(
        rail="stripe",
        rail_action=rail_action,  # type: ignore[arg-type]
        amount=Amount(units="2500", asset="usd", exponent=2),
        initiator=Initiator(kind="api_key", id="key_1"),
        merchant=Merchant(stripe_connection_id="stripe_conn_1", stripe_account_id="acct_1"),
        target=Target(**target),
        context=Context(),
        execute="axiru",
    )


@pytest.mark.parametrize(
    ("rail_action", "target"),
    [
        ("transfer", {"destination": "acct_2"}),
        ("transfer", {"destination": "acct_2", "charge": "ch_1"}),
        ("transfer", {"transfer": "tr_1"}),
        ("payout", {"destination": "ba_1"}),
        ("payout", {"payout": "po_1", "payout_action": "cancel"}),
        ("app_fee_refund", {"application_fee": "fee_1"}),
        ("dispute", {"dispute": "du_1", "packet": "ep_1", "packet_digest": "00"}),
        ("dispute", {"dispute": "du_1", "dispute_action": "close"}),
    ],
)
def test_what_was_asked_stands_beside_every_object_the_call_names(rail_action: str, target: dict[str, str]) -> None:
    asked = movement(rail_action, **target)
    rows = compared(asked, call_of("ed_1", asked))
    assert not [row for row in rows if row.differs]
    named = {row.name for row in rows if row.executed is not None and row.asked is None}
    assert named <= {"transfer_group", "account"}


def test_another_destination_than_was_asked_for_is_told_as_different() -> None:
    asked = movement("transfer", destination="acct_2")
    other = call_of("ed_1", movement("transfer", destination="acct_evil"))
    assert [row.name for row in compared(asked, other) if row.differs] == ["destination"]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({"transfer": "tr_1"}, ("of", "tr_1")),
        ({"destination": "acct_2"}, ("to", "acct_2")),
        ({"dispute": "du_1"}, ("of", "du_1")),
        ({}, None),
    ],
)
def test_a_movement_says_what_it_is_about(target: dict[str, str], told: tuple[str, str] | None) -> None:
    assert acted_on(Target(**target)) == told
