"""What a policy says of movements while Axiru cannot be reached."""

import pytest

from policies import PolicyInvalid, compile_policy, parse, read, say, to_yaml
from policies.syntax import Fallback

RULES = "rules: [{id: big, when: {amount: {currency: usd, gt: 5}}, effect: deny}]\n"


def policy(unreachable: str, scope: str = "{rail: stripe}") -> str:
    return f"policy: p\nschema: 2\napplies_to: {scope}\nwhen_unreachable: {unreachable}\n{RULES}"


def test_plain_language_and_yaml_say_the_same() -> None:
    loaded = parse(policy("{payout: allow, dispute: hold}"))

    assert loaded.when_unreachable == (("dispute", Fallback.HOLD), ("payout", Fallback.ALLOW))
    assert "When out of reach, disputes are held and payouts are allowed." in say(loaded)
    assert read(say(loaded), "plain").policy == parse(to_yaml(loaded)) == loaded


def test_what_holds_anyway_is_not_another_policy() -> None:
    said = compile_policy(parse(policy("{refund: hold, dispute: last_good_packet}")))

    assert said.policy.when_unreachable == ()
    assert said.content_hash == compile_policy(parse(policy("{}"))).content_hash


def test_the_answer_to_a_dispute_is_said_as_one() -> None:
    said = read("When out of reach, disputes are answered. Refunds over $5 are denied.", "plain")

    assert said.policy.when_unreachable == ()


@pytest.mark.parametrize(
    ("unreachable", "scope", "code"),
    [
        ("{payout: deny}", "{rail: stripe}", "invalid_value"),
        ("{dispute: allow}", "{rail: stripe}", "invalid_value"),
        ("{refund: last_good_packet}", "{rail: stripe}", "invalid_value"),
        ("{loan: hold}", "{rail: stripe}", "unknown_key"),
        ("{payout: allow}", "{rail: stripe, rail_action: refund}", "unknown_key"),
        ("{payout: allow}", "{rail: stripe_daa}", "unknown_key"),
        ("{payout: allow, payout: hold}", "{rail: stripe}", "duplicate_key"),
        ("allow", "{rail: stripe}", "wrong_type"),
    ],
)
def test_what_cannot_be_meant_does_not_load(unreachable: str, scope: str, code: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        parse(policy(unreachable, scope))

    assert [fault.code for fault in refused.value.errors] == [code]
