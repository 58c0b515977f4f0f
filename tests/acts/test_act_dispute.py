"""Disputes: what Stripe tells in any order, versions of evidence, and the last word before a deadline."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from axiru.database import row, rows
from axiru.domain.dispute import DisputeFacts
from axiru.domain.dispute_response import DisputeInput, LastWord
from axiru.domain.evidence import LONG_TEXT, ChargeFacts, digest_of
from axiru.domain.execution import ExecutionResult, Intent
from axiru.domain.movement import Amount, Context, Initiator, Merchant, Ovt, Target
from ledger.acts.control import engage, lift
from ledger.acts.dispute import record_dispute
from ledger.acts.dispute_response import answer_alone, give_dispute_notice, read_plan, to_stage, unstarted
from ledger.acts.evidence import (
    DisputeAnswered,
    DisputeUnknown,
    TooMuchEvidence,
    build_packet,
    give_facts,
    note_staged,
)
from ledger.acts.intend import intend
from ledger.acts.settle import settle
from ledger.evidence_packets import last_good_packet, packet_lines, packets_of

LEAD = timedelta(hours=6)
CHARGE = ChargeFacts("ch_disputed", 20_000, "usd", 0, datetime(2026, 4, 1, tzinfo=UTC), "normal")
ASKS_PEOPLE = """
policy: disputes
schema: 2
applies_to: {rail: stripe, rail_action: dispute}
rules:
  - id: people
    when: {rail_action: dispute}
    effect: review
    approvers: {role: controller, deadline: 1h}
"""
DENIES = """
policy: disputes
schema: 2
applies_to: {rail: stripe, rail_action: dispute}
rules:
  - id: never
    when: {rail_action: dispute}
    effect: deny
"""


class Case:
    """One dispute of one organization."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.id = f"du_{secrets.token_hex(6)}"
        self.input = DisputeInput(self.id, house.id, "test")
        self.place = {"organization_id": house.id, "mode": "test", "signer": house.signer}
        self.facts = DisputeFacts(
            id=self.id,
            charge=CHARGE.id,
            amount_cents=20_000,
            currency="usd",
            reason="fraudulent",
            status="needs_response",
            evidence_due_by=datetime.now(UTC).replace(microsecond=0) + timedelta(days=9),
            submission_count=0,
            opened_at=datetime(2026, 4, 2, tzinfo=UTC),
        )

    async def told(self, *, as_of: datetime | None = None, **changes: Any) -> bool:
        """Stripe tells of the dispute."""
        self.facts = msgspec.structs.replace(self.facts, **changes)
        return await record_dispute(
            self.facts,
            stripe_connection_id=f"stripe_conn_{self.house.id}",
            stripe_account_id="acct_demo",
            as_of=as_of,
            **self.place,
        )

    async def due_in(self, left: timedelta) -> None:
        await self.told(evidence_due_by=datetime.now(UTC) + left)

    async def build(self, charge: ChargeFacts | None = CHARGE) -> Any:
        return await build_packet(self.id, charge=charge, **self.place)

    async def give(self, **facts: str | None) -> Any:
        return await give_facts(self.id, facts, by=self.house.members["support"], **self.place)

    async def enforced(self, policy: str = ASKS_PEOPLE) -> None:
        """Axiru may submit evidence for this organization, and its policy is in force."""
        await rows(
            "UPDATE stripe_connections SET write_actions = ARRAY['refund', 'dispute'] WHERE organization_id = {}",
            self.house.id,
        )
        await self.house.enforce("dispute")
        await self.house.activate(policy)

    async def asked(self) -> Any:
        """A caller asks to submit the last good packet; returns the receipt."""
        packet = await last_good_packet(self.house.id, "test", self.id)
        assert packet is not None
        ovt = Ovt(
            rail="stripe",
            rail_action="dispute",
            amount=Amount("20000", "usd"),
            initiator=Initiator("api_key", "key_1"),
            merchant=Merchant(f"stripe_conn_{self.house.id}"),
            target=Target(
                dispute=self.id,
                dispute_action="submit_evidence",
                packet=packet.id,
                packet_digest=packet.digest,
            ),
            context=Context(customer_id="cus_known", customer_tenure_days=412),
            execute="axiru",
        )
        return await self.house.decided(ovt)

    async def last_word(self) -> LastWord:
        return await answer_alone(self.input, LEAD, signer=self.house.signer)

    async def outbox(self) -> list[str]:
        """What was told of this dispute, in order."""
        told = await rows(
            "SELECT payload FROM outbox WHERE organization_id = {} AND topic = 'dispute' ORDER BY seq, position",
            self.house.id,
        )
        payloads = [msgspec.json.decode(one["payload"]) for one in told]
        return [payload["state"] for payload in payloads if payload["dispute_id"] == self.id]


@pytest.fixture
async def case(new_house: Any) -> Case:
    return Case(await new_house())


async def test_a_dispute_is_sealed_once_and_with_every_change(case: Case) -> None:
    assert await case.told()
    assert not await case.told()
    assert await case.told(status="under_review", submission_count=1)
    assert await case.told(status="won")
    sealed = [entry["data"] for entry in await case.house.entries("dispute")]
    assert [(one["state"], one["status"]) for one in sealed] == [
        ("opened", "needs_response"),
        ("changed", "under_review"),
        ("closed", "won"),
    ]
    assert await case.outbox() == ["opened", "changed", "closed"]


async def test_what_is_older_than_what_is_known_changes_nothing(case: Case) -> None:
    moment = datetime(2026, 5, 1, 12, 0, 5, tzinfo=UTC)
    await case.told(status="under_review", as_of=moment + timedelta(milliseconds=300))
    assert not await case.told(status="needs_response", as_of=moment - timedelta(seconds=1))
    assert (await _standing(case))["status"] == "under_review"
    # Stripe counts whole seconds: within one, the last word that arrived is the newest there is.
    assert await case.told(status="lost", as_of=moment)
    assert await case.told(status="won")
    assert (await _standing(case))["status"] == "won"


async def test_a_packet_says_what_the_ledger_and_stripe_say_of_the_charge(case: Case, refund: Any) -> None:
    await case.house.activate(DENIES.replace("dispute", "refund"))
    await case.house.enforce()
    refused = await case.house.decided(refund(case.house, 4_200, charge=CHARGE.id))
    await case.house.decided(refund(case.house, 100, charge="ch_of_somebody_else"))
    await case.told(reason="credit_not_processed")
    packet = (await case.build()).packet
    assert "$42.00" in packet.evidence["refund_refusal_explanation"]
    assert "Payment ch_disputed of $200.00" in packet.evidence["uncategorized_text"]
    assert "$1.00" not in packet.evidence["uncategorized_text"]
    assert packet.missing == ("product_description", "refund_policy_disclosure")
    assert not packet.degraded
    sealed = (await case.house.entries("evidence_packet"))[0]["data"]
    assert sealed["digest"] == packet.digest == digest_of(packet.evidence)
    assert sealed["decision_ids"] == [refused.decision_id]


async def test_a_packet_is_built_anew_only_when_something_changed(case: Case, refund: Any) -> None:
    await case.told()
    assert (await case.build()).fresh
    again = await case.build()
    assert (again.fresh, again.packet.version) == (False, 1)
    await case.house.decided(refund(case.house, charge=CHARGE.id))
    after = await case.build()
    assert (after.fresh, after.packet.version) == (True, 2)
    assert [packet.version for packet in await packets_of(case.house.id, "test", case.id)] == [2, 1]


async def test_facts_stay_until_they_are_taken_back(case: Case) -> None:
    await case.told()
    await case.build()
    await case.give(customer_name="Zoë Example", shipping_carrier="Post")
    await case.give(shipping_carrier=None, shipping_tracking_number="Z0123")
    packet = (await case.build()).packet
    assert packet.sources.facts == {"customer_name": "Zoë Example", "shipping_tracking_number": "Z0123"}
    assert packet.evidence["customer_name"] == "Zoë Example"
    assert "shipping_carrier" not in packet.evidence
    assert packet.version == 3
    entries = b"".join(bytes(entry["body"]) for entry in await case.house.entries())
    assert "Zoë".encode() not in entries, "what names a customer is sealed by its digest alone"


async def test_facts_of_all_versions_together_must_fit(case: Case) -> None:
    await case.told()
    long = {name: "x" * LONG_TEXT for name in ("access_activity_log", "cancellation_rebuttal", "product_description")}
    await case.give(**long)
    more = {name: "x" * LONG_TEXT for name in ("refund_policy_disclosure", "refund_refusal_explanation")}
    await case.give(**more, cancellation_policy_disclosure="x" * LONG_TEXT)
    with pytest.raises(TooMuchEvidence):
        await case.give(duplicate_charge_explanation="x" * LONG_TEXT, uncategorized_text="x" * LONG_TEXT)
    assert len(await packets_of(case.house.id, "test", case.id)) == 2


async def test_degraded_inputs_leave_the_good_packet_the_last_good_one(case: Case) -> None:
    await case.told()
    good = (await case.build()).packet
    degraded = (await case.build(charge=None)).packet
    assert (degraded.degraded, degraded.missing[0], degraded.version) == (True, "charge", 2)
    chosen = await last_good_packet(case.house.id, "test", case.id)
    assert chosen is not None
    assert chosen.id == good.id
    assert (await read_plan(case.input, LEAD)).degraded


async def test_without_any_good_packet_the_newest_is_the_last_good_one(case: Case) -> None:
    await case.told()
    await case.build(charge=None)
    newest = (await case.give(customer_name="Ann")).packet
    chosen = await last_good_packet(case.house.id, "test", case.id)
    assert chosen is not None
    assert (chosen.id, chosen.degraded) == (newest.id, True)


async def test_no_evidence_is_built_for_what_is_answered_or_unknown(case: Case) -> None:
    with pytest.raises(DisputeUnknown):
        await case.build()
    await case.told(status="under_review")
    with pytest.raises(DisputeAnswered):
        await case.build()
    with pytest.raises(DisputeAnswered):
        await case.give(customer_name="Ann")


async def test_the_text_of_a_packet_is_shown_whole(case: Case) -> None:
    await case.told()
    await case.build()
    packet = (await case.give(customer_name="Ann", product_description="A lamp")).packet
    lines = dict(await packet_lines(packet.id))
    assert lines["Customer name"] == "Ann"
    assert lines["Product description"] == "A lamp"
    assert packet.digest in lines["Packet"]
    assert "billing address" in lines["Still missing"]
    assert await packet_lines("ep_unknown") == []


async def test_staging_needs_the_grant_enforcement_and_no_control(case: Case) -> None:
    await case.told()
    await case.build()
    assert await to_stage(case.input) is None, "the surface is in shadow"
    await case.enforced()
    staging = await to_stage(case.input)
    assert staging is not None
    control = await _kill(case)
    assert await to_stage(case.input) is None
    await _lift(case, control)
    await note_staged(staging.packet.id, **case.place)
    await note_staged(staging.packet.id, **case.place)
    assert await to_stage(case.input) is None
    assert (await case.outbox()).count("staged") == 1


async def test_staging_clears_what_an_earlier_version_may_have_left(case: Case) -> None:
    await case.told()
    await case.enforced()
    await case.build()
    await case.give(customer_name="Ann")
    await case.give(customer_name=None, shipping_carrier="Post")
    staging = await to_stage(case.input)
    assert staging is not None
    assert (staging.evidence["customer_name"], staging.evidence["shipping_carrier"]) == ("", "Post")


async def test_what_was_submitted_is_known_by_version_and_decision(case: Case) -> None:
    await case.told()
    await case.enforced(DENIES.replace("deny", "allow"))
    packet = (await case.build()).packet
    decided = await case.asked()
    intent = await intend(decided.decision_id, uncertain_seconds=1, **case.place)
    assert isinstance(intent, Intent)
    assert intent.call.parameters["digest"] == packet.digest
    await settle(decided.decision_id, ExecutionResult(True, case.id, "under_review"), **case.place)
    stored = (await packets_of(case.house.id, "test", case.id))[0]
    assert stored.submitted_by_decision == decided.decision_id
    assert not stored.submitted_degraded
    assert (await _standing(case))["status"] == "under_review"
    assert "submitted" in await case.outbox()


async def test_nothing_goes_out_while_there_is_time(case: Case) -> None:
    await case.told()
    await case.enforced()
    await case.build()
    await case.asked()
    assert (await case.last_word()).because == "too_early"


async def test_nothing_goes_out_that_nobody_asked_for_while_all_is_well(case: Case) -> None:
    await case.due_in(LEAD / 2)
    await case.enforced()
    await case.build()
    assert (await case.last_word()).because == "nobody_asked"


async def test_an_unanswered_approval_does_not_let_the_deadline_pass(case: Case) -> None:
    await case.due_in(LEAD / 2)
    await case.enforced()
    good = (await case.build()).packet
    await case.build(charge=None)
    waiting = await case.asked()
    assert waiting.state == "pending_approval"
    word = await case.last_word()
    assert word.decision_id is not None
    assert await unstarted(case.input) == word.decision_id
    receipt = await case.house.decide(word.decision_id)
    assert (receipt.outcome.value, receipt.reason, receipt.execute) == ("allow", "deadline_first", "axiru")
    sealed = (await case.house.entries("decision"))[-1]["data"]
    assert sealed["call"]["parameters"]["packet"] == good.id, "the last good packet, not the newest"
    assert sealed["ovt"]["initiator"]["kind"] == "axiru"
    assert sealed["ovt"]["context"]["customer_tenure_days"] == 412, "what the caller knew is not left out"
    answer = (await case.house.entries("dispute_answer"))[0]["data"]
    assert (answer["degraded"], answer["why"], answer["packet_id"]) == (True, "approval_unanswered", good.id)
    assert "degraded" in await case.outbox()
    assert (await case.last_word()).because == "under_way", "once"


async def test_degraded_inputs_send_the_last_good_packet_unasked(case: Case) -> None:
    await case.due_in(LEAD / 2)
    await case.enforced()
    good = (await case.build()).packet
    await case.build(charge=None)
    word = await case.last_word()
    assert word.decision_id is not None
    answer = (await case.house.entries("dispute_answer"))[0]["data"]
    assert (answer["why"], answer["packet_id"]) == ("inputs_degraded", good.id)


async def test_a_packet_that_was_never_good_waits_longer_for_its_inputs(case: Case) -> None:
    await case.due_in(LEAD / 2)
    await case.enforced()
    await case.build(charge=None)
    await case.give(product_description="A pair of shoes")
    await case.build(charge=None)
    assert (await case.last_word()).because == "too_early"
    await case.due_in(LEAD / 5)
    assert (await case.last_word()).decision_id is not None


async def test_an_empty_packet_goes_out_only_if_somebody_asked(case: Case) -> None:
    await case.due_in(LEAD / 5)
    await case.enforced()
    assert (await case.build(charge=None)).packet.evidence == {}
    assert (await case.last_word()).because == "no_packet"
    await case.asked()
    assert (await case.last_word()).decision_id is not None


async def test_a_persons_denial_is_never_overridden(case: Case) -> None:
    await case.due_in(LEAD / 2)
    await case.enforced()
    await case.build()
    waiting = await case.asked()
    await case.house.vote(waiting.approval_id, verdict="deny", reason="we were wrong")
    await case.build(charge=None)
    assert (await case.last_word()).because == "denied"
    await case.asked()
    assert (await case.last_word()).because == "denied", "asking again, unanswered, changes nothing"


async def test_a_policy_that_denies_binds_axiru_itself(case: Case) -> None:
    await case.due_in(LEAD / 2)
    await case.enforced(DENIES)
    await case.build()
    await case.build(charge=None)
    word = await case.last_word()
    assert word.decision_id is not None
    assert (await case.house.decide(word.decision_id)).state == "denied"
    assert (await case.last_word()).because == "denied"


async def test_a_control_binds_the_last_word_until_it_is_lifted(case: Case) -> None:
    await case.due_in(LEAD / 2)
    await case.enforced()
    await case.build()
    await case.asked()
    control = await _kill(case)
    assert (await case.last_word()).because == "control"
    await _lift(case, control)
    word = await case.last_word()
    assert word.decision_id is not None
    again = await _kill(case)
    assert (await case.house.decide(word.decision_id)).state == "denied", "a control between asking and deciding"
    await _lift(case, again)
    assert (await case.last_word()).decision_id is not None


async def test_nothing_goes_out_in_shadow_without_the_grant_or_past_due(case: Case) -> None:
    await case.due_in(LEAD / 2)
    await case.build(charge=None)
    await case.due_in(LEAD / 5)
    assert (await case.last_word()).because == "not_enforced"
    await case.enforced()
    await rows(
        "UPDATE stripe_connections SET write_actions = ARRAY['refund'] WHERE organization_id = {}", case.house.id
    )
    assert (await case.last_word()).because == "not_enforced"
    await rows(
        "UPDATE stripe_connections SET write_actions = ARRAY['dispute'] WHERE organization_id = {}", case.house.id
    )
    await case.due_in(-timedelta(minutes=1))
    assert (await case.last_word()).because == "too_early"


async def test_people_are_told_of_a_deadline_once(case: Case) -> None:
    await case.told()
    for _ in range(2):
        await give_dispute_notice(case.input, "due_soon", signer=case.house.signer)
        await give_dispute_notice(case.input, "past_due", signer=case.house.signer)
    assert (await case.outbox()).count("due_soon") == 1
    assert (await case.outbox()).count("past_due") == 1


async def _standing(case: Case) -> dict[str, Any]:
    found = await row("SELECT * FROM disputes WHERE organization_id = {} AND id = {}", case.house.id, case.id)
    assert found is not None
    return found


async def _kill(case: Case) -> str:
    engaged = await engage(
        organization_id=case.house.id,
        member_id=case.house.members["controller"],
        kind="kill_switch",
        scope={},
        applies_to="test",
        reason="a drill",
        expires_at=None,
        signer=case.house.signer,
    )
    return engaged.control_id


async def _lift(case: Case, control_id: str) -> None:
    await lift(
        organization_id=case.house.id,
        member_id=case.house.members["controller"],
        control_id=control_id,
        reason="over",
        signer=case.house.signer,
    )
