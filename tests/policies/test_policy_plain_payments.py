"""Sentences about agents' payments that are slightly wrong, and the nearest that says what was meant."""

import time

import pytest

from policies import PolicyInvalid, read, say

ADDRESS = "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"
TOKEN = f"eip155:8453/erc20:{ADDRESS}"


def nearest(text: str) -> str:
    with pytest.raises(PolicyInvalid) as caught:
        read(text, "plain")
    return caught.value.errors[0].nearest


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        # Rails.
        ("x402 payments over 5 usdc are denied.", "On x402, payments over 5 usdc are denied."),
        ("x402: payments over 5 usdc are denied.", "On x402, payments over 5 usdc are denied."),
        (
            "AP2 payments over $100 require approval by controller.",
            "On ap2, payments over $100 require approval by controller.",
        ),
        ("Stripe DAA payments over $500 are denied.", "On stripe_daa, agent payments over $500 are denied."),
        (
            "On ap2, payment over $100 requires approval by agent owner.",
            "On ap2, payment over $100 requires approval by agent_owner.",
        ),
        # Amounts and assets.
        ("Agent payments above 500 dollars get denied.", "Agent payments above $500 are denied."),
        (
            "On x402, payments of more than $10 usdc need approval by controller.",
            "On x402, payments of more than 10 usdc require approval by controller.",
        ),
        ("On x402, payments with asset USDC over 5 are denied.", "On x402, payments over 5 USDC are denied."),
        ("On x402, payments of the asset usdc over 5 usdc are denied.", "On x402, payments over 5 usdc are denied."),
        (
            f"On x402, payments over 100 units of {TOKEN} are denied.",
            f'On x402, payments over 100 units of "{TOKEN}" are denied.',
        ),
        ("Agent payments in EUR are denied if over €500.", "Agent payments in EUR over €500 are denied."),
        # Who pays, and whom.
        (
            "Payments by agent agent_1 over $50 require approval by controller.",
            "Payments by the initiator agent_1 over $50 require approval by controller.",
        ),
        (
            "Deny any agent payment above $500 for agent_1.",
            "Deny any agent payment above $500 by the initiator agent_1.",
        ),
        (
            "Payments by agents to counterparty acct_1 over $200 are denied.",
            "Payments by an agent to the counterparty acct_1 over $200 are denied.",
        ),
        (
            f"On x402, payments over 5 USDC to counterparty {ADDRESS} are denied.",
            f'On x402, payments over 5 USDC to the counterparty "{ADDRESS}" are denied.',
        ),
        (
            "Agent payments to counterparties not on list trusted are denied.",
            "Agent payments to a counterparty not on the list trusted are denied.",
        ),
        ("Agent payouts to Cuba are blocked.", "Agent payouts to the countries CU, IR, KP or SY are denied."),
        ("Deny x402 payments to 0xabc.", 'On x402, deny payments to the counterparty "0xabc".'),
        (
            "On x402, deny payments over 5 usdc to any payee other than 0xabc.",
            'On x402, deny payments over 5 usdc to a counterparty other than "0xabc".',
        ),
        # Windows.
        (
            "Agents can't spend over $100 daily.",
            "Movements that bring the agent's total within 24 hours to over $100 are denied.",
        ),
        (
            "All agent payments together over $10,000 per day are denied.",
            "Agent payments that bring the organization's total within 24 hours to over $10,000 are denied.",
        ),
        (
            "Agents may spend at most $100 per day.",
            "Movements that bring the agent's total within 24 hours to over $100 are denied.",
        ),
        (
            "Agent payments over $1,000 per day per agent are denied.",
            "Agent payments that bring the agent's total within 24 hours to over $1,000 are denied.",
        ),
        (
            "On x402, agents may not spend more than 50 usdc per hour.",
            "On x402, movements that bring the agent's total within 1 hour to over 50 usdc are denied.",
        ),
        (
            "Each agent may not pay the same counterparty more than 3 times in 24 hours.",
            "Movements that bring the counterparty's count within 24 hours to over 3 are denied.",
        ),
        (
            "On ap2, payments that bring the agent's total to over $300 within 7 days are denied.",
            "On ap2, payments that bring the agent's total within 7 days to over $300 are denied.",
        ),
        (
            "On x402, payments that bring the agent's spend within 1 hour to over 5 usdc are denied.",
            "On x402, payments that bring the agent's total within 1 hour to over 5 usdc are denied.",
        ),
        (
            "Payments of more than $500 a week to one counterparty need approval by controller.",
            "Payments that bring the counterparty's total within 7 days to over $500 require approval by controller.",
        ),
        (
            "Agent payments that are the third payment to one counterparty in 24 hours are denied.",
            "Agent payments that are the third or later payment to one counterparty within 24 hours are denied.",
        ),
        (
            "DAA: deny once agent's rolling 24-hour spend exceeds $1,000.",
            "DAA: deny once an agent's rolling 24-hour spend exceeds $1,000.",
        ),
    ],
)
def test_the_nearest_says_what_was_meant(text: str, meant: str) -> None:
    assert nearest(text) == meant
    read(meant, "plain")


@pytest.mark.parametrize(
    "text",
    [
        # Each says one thing more, or the contrary: a window that leaves it out would be another rule.
        "Agents may spend at most $100 per day, except on weekends.",
        "Agents never spend more than $100 per day abroad.",
        "Agent payments under $100 per day per agent are allowed.",
        "Agents may spend $100 per day unless an owner says otherwise.",
        'Agents may spend at most $100 per day on "cloud".',
    ],
)
def test_what_says_more_is_not_taken_for_a_window(text: str) -> None:
    found = nearest(text)
    assert "$100" not in found or "that bring" not in found
    read(found, "plain")


def test_payments_of_x402_and_ap2_have_a_word_of_their_own() -> None:
    policy = read("On x402, payments over 5 usdc are denied.", "plain").policy
    (rule,) = policy.rules
    assert rule.when == read('On x402, "payment" movements over 5 usdc are denied.', "plain").policy.rules[0].when
    assert say(policy) == "On x402, payments over 5 USDC are denied.\n"


def test_what_stands_in_quotes_is_left_alone() -> None:
    text = 'Agent payments above 500 dollars get denied, saying "x402 payments by agent agent_1 cost $5 usdc".'
    assert nearest(text) == (
        'Agent payments above $500 are denied, saying "x402 payments by agent agent_1 cost $5 usdc".'
    )


@pytest.mark.parametrize(
    "piece", ["Agents are ", "agent payments are if ", "per day ", "in usd ", "$1 usd ", "by agent a "]
)
def test_no_sentence_about_payments_takes_long(piece: str) -> None:
    text = (piece * (262_144 // len(piece)))[:262_144]
    started = time.process_time()
    for each in (text, text[:400], ". ".join([piece * 3] * 2_000)):
        with pytest.raises(PolicyInvalid):
            read(each, "plain")
    assert time.process_time() - started < 20
