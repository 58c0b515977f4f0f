"""Everything people can do about approvals, in any order: on a real PostgreSQL, and in a model that shares no code.

Whatever is drawn, both say the same after every step: who may vote, where every request stands, and whether it may be
executed. An execution that the model does not permit is a finding, and so is one that it permits and the house refuses.
"""

from collections import Counter
from typing import ClassVar

import hypothesis
from approval_model import Asked, Glass, Model
from approval_world import Ground, World
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies._internal.featureflags import FeatureFlags

from axiru.domain.approval import Ballot

PEOPLE: dict[str, set[str]] = {
    "asker": {"controller"},
    "owner": {"controller"},
    "controller": {"controller"},
    "second": {"controller", "finance_manager"},
    "third": {"controller"},
    "finance": {"finance_manager"},
    "admin": {"admin"},
    "support": {"support"},
    "viewer": {"viewer"},
}
"""Who asks owns the key; the owner answers for the agent. Both would be eligible but for that."""

ROLES = ({"controller"}, {"finance_manager"}, {"admin"}, {"support"}, {"viewer"}, {"controller", "finance_manager"})
OFTEN = (
    "executed after approval",
    "stood in by escalation",
    "replayed, and refused",
    "refused: own",
    "refused: role",
    "refused: twice",
    "refused: disabled",
    "refused: tampered",
    "blocked",
    "held",
    "glass broken by two",
    "glass broken alone",
    "refused: glass too old",
)
"""What any run has to have seen for its word to count."""

SELDOM = (
    "executed behind broken glass",
    "denied behind broken glass",
    "denied at its release",
    "voted in the seat of another",
    "refused: too late",
    "refused: wrong digest",
    "expired",
)
"""What a long one has to have seen besides."""

MOST_REQUESTS = 10

people = st.sampled_from(sorted(PEOPLE))
requests = st.runner().flatmap(lambda machine: st.sampled_from(machine.of_interest()))
amounts = st.sampled_from([30_000, 30_000, 50_000, 50_000, 70_000, 10_000, 99_000])
shown = st.sampled_from(["right", "right", "none", "wrong"])


class ApprovalMachine(RuleBasedStateMachine):
    """`seen` counts what came to pass in all runs, so that a run in which nothing did is not taken for a proof."""

    ground: ClassVar[Ground]
    seen: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        # Of its own accord Hypothesis leaves half of the rules out of a run, and fifty runs are too few for that.
        self._rules_strategy.enabled_rules_strategy = st.just(FeatureFlags())
        self.model = Model(PEOPLE, asker="asker", owner="owner")
        self.world = World(self.ground, PEOPLE, asker="asker", owner="owner")
        self.decision_ids: list[str] = []
        self.delegation_ids: list[str] = []
        self.glasses: list[tuple[int, Glass, str]] = []
        self.ballots: list[tuple[int, str, Ballot]] = []

    # Asking

    @precondition(lambda self: len(self.decision_ids) < MOST_REQUESTS)
    @rule(amount=amounts, execute=st.sampled_from(["axiru", "axiru", "axiru", "caller"]), by_agent=st.booleans())
    def somebody_asks(self, amount: int, execute: str, by_agent: bool) -> None:
        self.decision_ids.append(self.world.ask(amount, "caller" if execute == "caller" else "axiru", by_agent))
        self.model.ask(amount, execute, by_agent)

    @initialize(by_agent=st.booleans())
    def some_things_wait_for_people(self, by_agent: bool) -> None:
        for amount, execute in ((30_000, "axiru"), (50_000, "axiru"), (70_000, "axiru"), (30_000, "caller")):
            self.somebody_asks(amount, execute, by_agent)

    def of_interest(self) -> list[int]:
        """Requests that something may still become of; once in a while, or where there is none, any."""
        every = list(range(len(self.decision_ids)))
        waiting = [
            each for each in every if self.model.requests[each].state in {"pending_approval", "held", "approved"}
        ]
        return waiting * 3 + every

    # Voting

    @rule(request=requests, name=people, verdict=st.sampled_from(["approve"] * 5 + ["deny"]), shown=shown)
    def somebody_votes(self, request: int, name: str, verdict: str, shown: str) -> None:
        if self.model.requests[request].approval is not None:
            self._vote(request, name, verdict, shown)

    @rule(request=requests, then_execute=st.booleans())
    def all_who_may_approve(self, request: int, then_execute: bool) -> None:
        for name in PEOPLE:
            if self.model.seat(name, self.model.requests[request]) is not None:
                self._vote(request, name, "approve", "right")
        if then_execute:
            self.leave_to_call_is_asked_for(request)

    @precondition(lambda self: self.ballots)
    @rule(data=st.data())
    def old_vote_is_sent_again(self, data: st.DataObject) -> None:
        request, name, ballot = data.draw(st.sampled_from(self.ballots))
        asked = self.model.requests[request]
        digest_shown = {None: "none", "0" * 64: "wrong"}.get(ballot.digest, "right")
        refused_for = self._refused_for(asked, name, digest_shown)
        cast = self.model.vote(name, asked, ballot.verdict, digest_shown)
        assert self.world.vote(ballot) == cast
        self.seen["replayed, and refused"] += not cast
        self.seen[f"refused: {refused_for}"] += not cast

    def _vote(self, request: int, name: str, verdict: str, shown: str) -> None:
        asked, decision_id = self.model.requests[request], self.decision_ids[request]
        seats = {each: seat for each in PEOPLE if (seat := self.model.seat(each, asked)) is not None}
        assert self.world.voters(decision_id) == {each: seat[0] for each, seat in seats.items()}
        refused_for = self._refused_for(asked, name, shown)
        ballot = self.world.ballot(decision_id, name, "deny" if verdict == "deny" else "approve", shown)
        self.ballots.append((request, name, ballot))
        cast = self.model.vote(name, asked, verdict, shown)
        assert self.world.vote(ballot) == cast, f"{name} votes {verdict}: {'' if cast else 'not '}to be counted"
        if not cast:
            self.seen[f"refused: {refused_for}"] += 1
            return
        seat, roles = seats[name]
        self.seen["voted in the seat of another"] += seat != name
        self.seen["stood in by escalation"] += not roles <= self.model.people[seat].roles

    def _refused_for(self, asked: Asked, name: str, shown: str) -> str:
        reasons = {
            "over": asked.approval != "pending",
            "too late": not self.model.open(asked),
            "own": self.model.kept_out(name, asked),
            "twice": name in [vote.voter for vote in asked.votes],
            "disabled": self.model.people[name].disabled,
            "role": self.model.seat(name, asked) is None,
            "tampered": asked.tampered,
            "wrong digest": shown == "wrong",
        }
        return next((reason for reason, holds in reasons.items() if holds), "nothing")

    # Standing in

    @rule(
        absent=people,
        to=st.sampled_from(["support"] * 5 + ["finance"] * 2 + sorted(PEOPLE)),
        by=st.sampled_from([None, None, "admin", *PEOPLE]),
        starts_in=st.sampled_from([0, 0, 0, 120]),
        lasts=st.sampled_from([120, 1_440]),
        then_votes=requests,
    )
    def seat_is_passed_on(
        self, absent: str, to: str, by: str | None, starts_in: int, lasts: int, then_votes: int
    ) -> None:
        acting = by or absent
        permitted = self.model.delegate(acting, absent, to, starts_in, lasts)
        delegation_id = self.world.delegate(acting, absent, to, starts_in, lasts)
        assert (delegation_id is not None) == permitted
        if delegation_id is not None:
            self.delegation_ids.append(delegation_id)
        if self.model.requests[then_votes].approval is not None:
            self._vote(then_votes, to, "approve", "right")

    @precondition(lambda self: self.delegation_ids)
    @rule(data=st.data(), by=people)
    def delegation_is_ended(self, data: st.DataObject, by: str) -> None:
        which = data.draw(st.integers(0, len(self.delegation_ids) - 1))
        ended = self.model.end_delegation(self.model.delegations[which], by)
        assert self.world.end_delegation(self.delegation_ids[which], by) == ended

    # Breaking the glass

    @rule(
        request=requests,
        chosen=st.sampled_from(["off", "two_people", "two_people", "one_with_alarm"]),
        name=people,
        alone=st.booleans(),
        shown=st.sampled_from(["right", "right", "wrong"]),
        second=st.sampled_from([None, *PEOPLE]),
        strict=st.booleans(),
    )
    def glass_is_broken(
        self, request: int, chosen: str, name: str, alone: bool, shown: str, second: str | None, strict: bool
    ) -> None:
        self.controls_and_policy_change(self.model.kill_switch, strict, name)
        asked = self.model.requests[request]
        self.model.glass_rule = chosen
        self.world.choose_glass(chosen)
        if asked.approval is None:
            return
        permitted = self.model.open_glass(name, asked, alone, shown)
        glass_id = self.world.open_glass(self.decision_ids[request], name, alone, shown)
        assert (glass_id is not None) == permitted
        if glass_id is None:
            self.seen["glass refused"] += 1
            return
        self.glasses.append((request, asked.glass[-1], glass_id))
        self.seen["glass broken alone"] += alone
        if second is not None:
            self._second_person(len(self.glasses) - 1, second, "confirm")
            self.leave_to_call_is_asked_for(request)

    @rule(request=requests, alone=st.booleans(), minutes=st.sampled_from([0, 0, 20]), strict=st.booleans())
    def glass_is_broken_by_who_may(self, request: int, alone: bool, minutes: int, strict: bool) -> None:
        asked = self.model.requests[request]
        able = [name for name in PEOPLE if asked.approval is not None and self.model.may_break(name, asked)]
        before = len(self.glasses)
        if len(able) > 1:
            self.glass_is_broken(request, "one_with_alarm", able[0], alone, "right", None, strict)
        if len(self.glasses) > before and not alone:
            self._pass_time(minutes)
            self._second_person(before, able[1], "confirm")
        self.seen["denied behind broken glass"] += len(self.glasses) > before and asked.state == "denied"

    @precondition(lambda self: self.glasses)
    @rule(data=st.data(), name=people, does=st.sampled_from(["confirm", "confirm", "withdraw"]))
    def second_person_comes_later(self, data: st.DataObject, name: str, does: str) -> None:
        self._second_person(data.draw(st.integers(0, len(self.glasses) - 1)), name, does)

    def _second_person(self, which: int, name: str, does: str) -> None:
        request, glass, glass_id = self.glasses[which]
        if does == "withdraw":
            assert self.world.withdraw_glass(glass_id, name) == self.model.withdraw_glass(glass, name)
            return
        asked = self.model.requests[request]
        late = glass.state == "open" and asked.approval == "pending" and not self.model.glass_open(glass, asked)
        self.seen["refused: glass too old"] += late
        confirmed = self.model.confirm_glass(glass, asked, name)
        assert self.world.confirm_glass(glass_id, name) == confirmed
        self.seen["glass broken by two"] += confirmed

    # People, policy and time change

    @rule(
        name=people,
        change=st.sampled_from([*ROLES, "disabled", "disabled", "enabled", "owns the agent", "owns the agent"]),
        then_votes=requests,
    )
    def people_change(self, name: str, change: set[str] | str, then_votes: int) -> None:
        match change:
            case "disabled" | "enabled":
                self.model.people[name].disabled = change == "disabled"
                self.world.set_disabled(name, change == "disabled")
            case "owns the agent":
                self.model.owner = name
                self.world.pass_agent_on(name)
            case _:
                self.model.people[name].roles = set(change)
                self.world.set_roles(name, set(change))
        if self.model.requests[then_votes].approval is not None:
            self._vote(then_votes, name, "approve", "right")

    @rule(minutes=st.sampled_from([10, 20, 180, 300, 780]), looked_at=st.booleans(), then_votes=requests)
    def time_passes(self, minutes: int, looked_at: bool, then_votes: int) -> None:
        self._pass_time(minutes)
        for asked, decision_id in zip(self.model.requests, self.decision_ids, strict=True):
            if looked_at and asked.approval == "pending":
                self.model.expire(asked)
                self.world.expire(decision_id)
                self.seen["expired"] += asked.approval == "expired"
        if self.model.requests[then_votes].approval is not None:
            self._vote(then_votes, "admin", "approve", "right")

    def _pass_time(self, minutes: int) -> None:
        self.model.now += minutes
        self.world.pass_time(minutes)

    @rule(request=requests, name=people, left=st.sampled_from([False] * 7 + [True]))
    def request_is_tampered_with(self, request: int, name: str, left: bool) -> None:
        """Somebody who owns the tables has doors show one cent, and puts it right again or leaves it so."""
        asked, decision_id = self.model.requests[request], self.decision_ids[request]
        if asked.approval is not None:
            asked.tampered = True
            self.world.tamper(decision_id, 1)
            self._vote(request, name, "approve", "right")
            if not left:
                asked.tampered = False
                self.world.tamper(decision_id, asked.amount)

    # Stopping and executing

    @rule(engaged=st.sampled_from([False, False, True]), strict=st.sampled_from([False, False, True]), by=people)
    def controls_and_policy_change(self, engaged: bool, strict: bool, by: str) -> None:
        if engaged and not self.model.kill_switch:
            self.world.engage_kill_switch(by)
        elif self.model.kill_switch and not engaged:
            self.world.lift_kill_switch(by)
        if strict != self.model.strict:
            self.world.set_policy("strict" if strict else "usual")
        self.model.kill_switch, self.model.strict = engaged, strict

    @rule(request=requests, by=people, held=st.booleans())
    def request_is_held_or_released(self, request: int, by: str, held: bool) -> None:
        asked, decision_id = self.model.requests[request], self.decision_ids[request]
        if held:
            done = self.model.hold(asked)
            assert self.world.hold(by, decision_id) == done
            self.seen["held"] += done
        elif decision_id in self.world.holds:
            assert self.world.release(by, decision_id) == self.model.release(asked)

    @rule(request=requests, by=people, strict=st.booleans(), kill=st.sampled_from([False, False, True]))
    def what_is_approved_under_a_hold_is_released_into_another_day(
        self, request: int, by: str, strict: bool, kill: bool
    ) -> None:
        self.request_is_held_or_released(request, by, held=True)
        self.all_who_may_approve(request, then_execute=True)
        self.controls_and_policy_change(kill, strict, by)
        asked = self.model.requests[request]
        was_held = asked.state == "held"
        self.request_is_held_or_released(request, by, held=False)
        self.seen["denied at its release"] += was_held and asked.state == "denied"

    @rule(request=requests)
    def leave_to_call_is_asked_for(self, request: int) -> None:
        asked = self.model.requests[request]
        expected = self.model.execute(asked)
        came, amount = self.world.execute(self.decision_ids[request])
        assert came != "call" or expected == "call", "UNAUTHORISED EXECUTION"
        assert came == expected
        assert amount in {None, asked.amount}
        self.seen[came] += 1
        if came == "call" and asked.approval is not None:
            self.seen["executed after approval"] += 1
            self.seen["executed behind broken glass"] += any(glass.state == "used" for glass in asked.glass)

    @invariant()
    def every_request_stands_where_the_model_says(self) -> None:
        assert self.world.stands() == {
            decision_id: (asked.state, asked.approval, asked.executions)
            for asked, decision_id in zip(self.model.requests, self.decision_ids, strict=True)
        }


def run_machine(ground: Ground, *, runs: int, steps: int, seed: int, shrink: bool = True) -> Counter[str]:
    """Run it `runs` times; returns what came to pass. Raises AssertionError where house and model part."""

    class Machine(ApprovalMachine):
        pass

    Machine.ground, Machine.seen = ground, Counter()
    phases = [hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if shrink else [])]
    settings = hypothesis.settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=phases,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    run_state_machine_as_test(hypothesis.seed(seed)(Machine), settings=settings)
    return Machine.seen
