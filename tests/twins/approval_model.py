"""Who may approve what, written a second time from the documentation: plain loops, no code of the product.

Time is a number of minutes. People are names. A request is approved when every place of every group has a person of
its own, by trying all ways to share the approvals out.
"""

from dataclasses import dataclass, field
from itertools import permutations

HOUR = 60
DEADLINE = 24 * HOUR
ESCALATES_AFTER = 4 * HOUR
GLASS_OPEN = 15

APPROVING = {"finance_manager", "controller", "admin"}
LOOKING_ON = {"viewer", "auditor"}
BREAKING_GLASS = {"controller", "admin"}

ALWAYS_DENIED_OVER = 90_000
DENIED_OVER_WHEN_STRICT = 45_000


def groups_for(amount: int) -> list[str]:
    """The places that have to be filled, one role each; none where nobody is asked."""
    if amount > 60_000:
        return ["controller", "controller", "finance_manager"]
    if amount > 40_000:
        return ["controller", "finance_manager"]
    return ["controller"] if amount > 20_000 else []


@dataclass
class Person:
    roles: set[str]
    disabled: bool = False


@dataclass
class Vote:
    voter: str
    seat: str
    verdict: str
    roles: set[str]


@dataclass
class Glass:
    opened_by: str
    opened_at: int
    state: str = "open"


@dataclass
class Delegation:
    by: str
    absent: str
    to: str
    starts: int
    ends: int
    asked_before: int
    ended: bool = False


@dataclass
class Asked:
    amount: int
    execute: str
    by_agent: bool
    asked_at: int
    excluded: set[str]
    state: str
    approval: str | None
    votes: list[Vote] = field(default_factory=list)
    glass: list[Glass] = field(default_factory=list)
    held: bool = False
    was_held: bool = False
    tampered: bool = False
    executions: int = 0

    @property
    def places(self) -> list[str]:
        return groups_for(self.amount)


class Model:
    def __init__(self, people: dict[str, set[str]], asker: str, owner: str) -> None:
        self.people = {name: Person(set(roles)) for name, roles in people.items()}
        self.asker, self.owner = asker, owner
        self.now = 0
        self.requests: list[Asked] = []
        self.delegations: list[Delegation] = []
        self.kill_switch = False
        self.strict = False
        self.glass_rule = "two_people"

    # Asking

    def ask(self, amount: int, execute: str, by_agent: bool) -> Asked:
        excluded = {self.asker} | ({self.owner} if by_agent else set())
        if self.forbidden_now(amount):
            state, approval = "denied", None
        elif groups_for(amount):
            state, approval = "pending_approval", "pending"
        else:
            state, approval = "allowed", None
        asked = Asked(amount, execute, by_agent, self.now, excluded, state, approval)
        self.requests.append(asked)
        return asked

    def forbidden_now(self, amount: int) -> bool:
        return self.kill_switch or amount > (DENIED_OVER_WHEN_STRICT if self.strict else ALWAYS_DENIED_OVER)

    # Who may vote, and where it counts

    def open(self, asked: Asked) -> bool:
        return asked.approval == "pending" and self.now < asked.asked_at + DEADLINE

    def kept_out(self, name: str, asked: Asked) -> bool:
        return name in asked.excluded or (asked.by_agent and name == self.owner)

    def own_places(self, name: str, asked: Asked) -> set[str]:
        """The roles for which this person's own vote counts."""
        held = self.people[name].roles & APPROVING
        if self.now >= asked.asked_at + ESCALATES_AFTER and "admin" in held:
            return set(asked.places)
        return held & set(asked.places)

    def seat(self, name: str, asked: Asked) -> tuple[str, set[str]] | None:
        """Whose seat they would vote in, and for which roles; None for who may not vote."""
        person = self.people[name]
        if not self.open(asked) or person.disabled or self.kept_out(name, asked):
            return None
        if name in [vote.voter for vote in asked.votes]:
            return None
        taken = [vote.seat for vote in asked.votes]
        if name not in taken and self.own_places(name, asked):
            return name, self.own_places(name, asked)
        if not person.roles - LOOKING_ON:
            return None
        for delegation in sorted(self.delegations, key=lambda one: one.starts):
            absent = delegation.absent
            if delegation.to != name or not self.in_force(delegation):
                continue
            if self.people[absent].disabled or self.kept_out(absent, asked) or absent in taken:
                continue
            if self.kept_out(delegation.by, asked) and self.was_asked_before(delegation, asked):
                continue
            if self.own_places(absent, asked):
                return absent, self.own_places(absent, asked)
        return None

    def was_asked_before(self, delegation: Delegation, asked: Asked) -> bool:
        return any(one is asked for one in self.requests[: delegation.asked_before])

    def in_force(self, delegation: Delegation) -> bool:
        return not delegation.ended and delegation.starts <= self.now < delegation.ends

    # Voting

    def vote(self, name: str, asked: Asked, verdict: str, shown: str) -> bool:
        """Whether the vote counts; `shown` is "right", "wrong" or "none" for the digest that it names."""
        seat = self.seat(name, asked)
        if seat is None or asked.tampered or shown == "wrong":
            return False
        asked.votes.append(Vote(name, seat[0], verdict, seat[1]))
        if verdict == "deny":
            self._end(asked, "denied")
        elif enough(asked):
            self._approve(asked)
        return True

    def expire(self, asked: Asked) -> None:
        if asked.approval == "pending" and not self.open(asked):
            self._end(asked, "expired")

    def _end(self, asked: Asked, state: str) -> None:
        asked.approval = asked.state = state
        asked.held = False

    def _approve(self, asked: Asked) -> None:
        asked.approval = "approved"
        if not asked.held:
            self._settle_approved(asked)

    def _settle_approved(self, asked: Asked) -> None:
        """What a caller executes is judged again now; what Axiru executes, when it does."""
        refused = asked.execute == "caller" and (self.forbidden_now(asked.amount) or asked.tampered)
        asked.state = "denied" if refused else "approved"

    # Standing in

    def delegate(self, by: str, absent: str, to: str, starts_in: int, lasts: int) -> bool:
        acting = self.people[by]
        permitted = by == absent or ("admin" in acting.roles and by != to)
        if acting.disabled or not permitted or absent == to:
            return False
        if self.people[absent].disabled or not self.people[absent].roles & APPROVING:
            return False
        if self.people[to].disabled or not self.people[to].roles - LOOKING_ON:
            return False
        starts = self.now + starts_in
        self.delegations.append(Delegation(by, absent, to, starts, starts + lasts, len(self.requests)))
        return True

    def end_delegation(self, delegation: Delegation, by: str) -> bool:
        person = self.people[by]
        involved = by in {delegation.absent, delegation.to} or "admin" in person.roles
        if person.disabled or not involved or delegation.ended or delegation.ends <= self.now:
            return False
        delegation.ended = True
        return True

    # Breaking the glass

    def may_break(self, name: str, asked: Asked) -> bool:
        person = self.people[name]
        able = not person.disabled and bool(person.roles & BREAKING_GLASS) and not self.kept_out(name, asked)
        return able and self.open(asked) and not asked.tampered

    def open_glass(self, name: str, asked: Asked, alone: bool, shown: str) -> bool:
        chosen = self.glass_rule == "one_with_alarm" or (self.glass_rule == "two_people" and not alone)
        waiting = [glass for glass in asked.glass if glass.state == "open"]
        if not self.may_break(name, asked) or not chosen or shown == "wrong":
            return False
        if any(self.glass_open(glass, asked) for glass in waiting):
            return False
        for stale in waiting:
            stale.state = "withdrawn"
        asked.glass.append(Glass(name, self.now, "used" if alone else "open"))
        if alone:
            self._approve(asked)
        return True

    def glass_open(self, glass: Glass, asked: Asked) -> bool:
        return self.now < min(glass.opened_at + GLASS_OPEN, asked.asked_at + DEADLINE)

    def confirm_glass(self, glass: Glass, asked: Asked, name: str) -> bool:
        if glass.state != "open" or not self.glass_open(glass, asked) or self.glass_rule == "off":
            return False
        if name == glass.opened_by or not self.may_break(name, asked) or not self.may_break(glass.opened_by, asked):
            return False
        glass.state = "used"
        self._approve(asked)
        return True

    def withdraw_glass(self, glass: Glass, name: str) -> bool:
        person = self.people[name]
        able = bool(person.roles & BREAKING_GLASS) or name == glass.opened_by
        if glass.state != "open" or person.disabled or not able:
            return False
        glass.state = "withdrawn"
        return True

    # Holding

    def hold(self, asked: Asked) -> bool:
        before_money = {"pending_approval"} | ({"allowed", "approved"} if asked.execute == "axiru" else set())
        if asked.state not in before_money:
            return False
        asked.state, asked.held, asked.was_held = "held", True, True
        return True

    def release(self, asked: Asked) -> bool:
        if not asked.held:
            return False
        asked.held = False
        if asked.approval == "approved":
            self._settle_approved(asked)
        else:
            asked.state = "pending_approval" if asked.approval else "allowed"
        return True

    # Executing

    def execute(self, asked: Asked) -> str:
        """What asking for leave to call Stripe has to come to: "call", "blocked", "held" or "refused"."""
        if asked.execute != "axiru" or asked.state not in {"allowed", "approved", "held"}:
            return "refused"
        if asked.held:
            return "held"
        waited = asked.approval is not None or asked.was_held
        if self.kill_switch or (waited and (asked.tampered or self.forbidden_now(asked.amount))):
            asked.state = "execution_failed"
            return "blocked"
        asked.state = "executed"
        asked.executions += 1
        return "call"


def enough(asked: Asked) -> bool:
    """Whether the approvals can be shared out so that every place has one."""
    approvals = [vote for vote in asked.votes if vote.verdict == "approve"]
    return any(
        all(role in vote.roles for role, vote in zip(asked.places, chosen, strict=True))
        for chosen in permutations(approvals, len(asked.places))
    )
