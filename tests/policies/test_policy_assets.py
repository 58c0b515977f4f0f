"""Assets that are no currency: how policies name them, what amounts of any size mean, and that all can be said back."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axiru.domain.assets import CONTRACTS, caip19, decimals_of, folded_asset, known_asset, named_by
from axiru.domain.evaluation import Outcome
from axiru.domain.exact import exact
from axiru.domain.money import amount_text, money_text
from axiru.domain.movement import Amount, Counterparty, Initiator, Ovt
from ledger.entry import canonical_json
from policies import PolicyInvalid, compile_policy, evaluate, facts_of, read, say, to_yaml
from policies.checks import Finding, Known, check
from policies.syntax import ParsedPolicy, Policy

PAGE = (Path(__file__).parents[2] / "docs" / "x402.md").read_text()
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
USDC_ON_BASE = caip19("eip155:8453", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")
USDC_ON_SOLANA = caip19("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
LOOKALIKE = caip19("eip155:8453", "0x036CbD53842c5426634e7929541eC2318f3dCF7e")
OTHER = caip19("eip155:1", "0x6B175474E89094C44Da98b954EedeAC495271d0F")


def policy(when: str, effect: str = "deny") -> Policy:
    head = "policy: p\nschema: 2\napplies_to: {rail: x402}\nrules:\n"
    return read(f"{head}  - id: r\n    when: {when}\n    effect: {effect}\n", "yaml").policy


def payment(units: int, asset: str, pay_to: str = "0x1") -> Ovt:
    amount = Amount(str(units), asset, decimals_of(asset))
    return Ovt("x402", "payment", amount, Initiator("agent", "a"), counterparty=Counterparty(pay_to))


def findings(parsed: ParsedPolicy) -> tuple[Finding, ...]:
    return check(parsed, Known())


def outcome(of: Policy, ovt: Ovt, windows: dict[str, int] | None = None) -> Outcome:
    return evaluate(compile_policy(of), facts_of(ovt, windows=windows or {}), now=NOON).outcome


def test_a_symbol_stands_for_its_issuers_contracts_on_every_network_and_for_nothing_else() -> None:
    over = policy("{amount: {currency: USDC, gt: 5000000}}")
    assert outcome(over, payment(5_000_001, USDC_ON_BASE)) is Outcome.DENY
    assert outcome(over, payment(5_000_001, USDC_ON_SOLANA)) is Outcome.DENY
    assert outcome(over, payment(5_000_000, USDC_ON_BASE)) is Outcome.ALLOW
    # The contract of USDC on Base Sepolia is anybody's on Base.
    assert outcome(over, payment(5_000_001, LOOKALIKE)) is Outcome.ALLOW
    others = policy("{currency: {not_in: [usdc, eurc]}}")
    found = [outcome(others, payment(1, asset)) for asset in (USDC_ON_BASE, USDC_ON_SOLANA, LOOKALIKE, OTHER)]
    assert found == [Outcome.ALLOW, Outcome.ALLOW, Outcome.DENY, Outcome.DENY]


def test_one_asset_is_named_by_its_id_in_any_spelling_of_its_address() -> None:
    written = OTHER.replace("0x6b175474e89094c44da98b954eedeac495271d0f", "0x6B175474E89094C44Da98b954EedeAC495271d0F")
    limit = policy(f'{{amount: {{currency: "{written}", gt: "9007199254740993"}}}}')
    assert outcome(limit, payment(9_007_199_254_740_993, OTHER)) is Outcome.ALLOW
    assert outcome(limit, payment(9_007_199_254_740_994, OTHER)) is Outcome.DENY
    assert outcome(limit, payment(2**256 - 1, OTHER)) is Outcome.DENY
    to = policy("{counterparty: {id: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C'}}")
    assert outcome(to, payment(1, OTHER, "0x209693bc6afc0c5328ba36faf03c514ef312287c")) is Outcome.DENY


def test_a_window_adds_up_all_contracts_of_a_symbol() -> None:
    most = policy("{rolling_window: {measure: sum, per: initiator, within: 24h, currency: usdc, gt: 10}}")
    (window,) = compile_policy(most).windows
    assert window.assets == CONTRACTS["usdc"]
    assert outcome(most, payment(3, USDC_ON_SOLANA), {window.name: 8}) is Outcome.DENY
    assert outcome(most, payment(2, USDC_ON_BASE), {window.name: 8}) is Outcome.ALLOW
    assert outcome(most, payment(2, OTHER), {window.name: 10**60}) is Outcome.ALLOW


AMOUNTS = st.one_of(st.integers(0, 10**9), st.integers(2**53 - 2, 2**53 + 2), st.integers(0, 10**77))
ASSETS = st.sampled_from(["usd", "jpy", "usdc", "eurc", USDC_ON_BASE, USDC_ON_SOLANA, OTHER])


@settings(max_examples=60, deadline=None)
@given(currency=ASSETS, units=AMOUNTS, bound=st.sampled_from(["gt", "gte", "lt", "lte"]), windowed=st.booleans())
def test_every_limit_is_said_in_words_and_read_back(currency: str, units: int, bound: str, windowed: bool) -> None:
    number = units if units < 2**53 else f'"{units}"'
    said = f'currency: "{currency}", {bound}: {number}'
    window = f"{{rolling_window: {{measure: sum, per: initiator, within: 24h, {said}}}}}"
    stated = policy(window if windowed else f"{{amount: {{{said}}}}}")
    assert read(say(stated), "plain").policy == stated
    assert read(to_yaml(stated), "yaml").policy == stated
    assert compile_policy(read(say(stated), "plain").policy).content_hash == compile_policy(stated).content_hash


def test_the_sentences_of_the_guide_can_be_published() -> None:
    block = PAGE.split("## Policies\n\n")[1].split("\n\n")[0]
    sentences = [line.strip() for line in block.splitlines()]
    assert len(sentences) == 5
    text = "Policy guide governs all movements on x402.\n\n" + "\n\n".join(sentences)
    parsed = read(text, "plain")
    assert [found for found in findings(parsed) if found.severity == "error"] == []
    spoken = say(parsed.policy)
    assert "over 5 USDC or 5 EURC" in spoken
    assert read(spoken, "plain").policy == parsed.policy
    written = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert written is not None
    assert outcome(policy(written[1].split("when:")[1].strip().join("{}")), payment(10**21, OTHER)) is Outcome.DENY


@pytest.mark.parametrize(
    "limit",
    ["9007199254740992", '"15000"', '"9007199254740991"', '"1.5e20"', '"-9007199254740993"', f'"{"9" * 79}"', '"１２"'],
)
def test_a_number_has_one_way_to_be_written(limit: str) -> None:
    with pytest.raises(PolicyInvalid):
        policy(f"{{amount: {{currency: usdc, gt: {limit}}}}}")


@pytest.mark.parametrize("currency", ["usdt", "usdcx", "eip155:8453", "erc20:0x00", "eip155:8453/erc20:"])
def test_a_name_that_is_no_asset_is_refused(currency: str) -> None:
    with pytest.raises(PolicyInvalid):
        policy(f"{{amount: {{currency: '{currency}', gt: 1}}}}")


def test_checks_know_what_a_symbol_stands_for() -> None:
    both = "{all: [{amount: {currency: usdc, gt: 5}}, {amount: {currency: '%s', gt: 5}}]}"
    assert [found.code for found in findings(parsed_of(both % USDC_ON_BASE))] == ["currency_without_cap"]
    (impossible,) = findings(parsed_of(both % OTHER))
    assert impossible.severity in {"error", "warning"}
    gap = (
        "  - id: low\n    when: {amount: {currency: usdc, lte: 1000000}}\n    effect: deny\n"
        "  - id: high\n    when: {amount: {currency: usdc, gte: 3000000}}\n    effect: deny\n"
    )
    head = "policy: p\nschema: 2\napplies_to: {rail: x402}\nrules:\n"
    (found,) = [each for each in findings(read(head + gap, "yaml")) if each.code == "band_gap"]
    assert "1.000001 USDC to 2.999999 USDC" in found.message


def parsed_of(when: str) -> ParsedPolicy:
    head = "policy: p\nschema: 2\napplies_to: {rail: x402}\nrules:\n"
    return read(f"{head}  - id: r\n    when: {when}\n    effect: deny\n", "yaml")


def test_amounts_are_shown_in_what_they_are() -> None:
    assert money_text(1_500_000, USDC_ON_BASE) == "1.50 USDC"
    assert money_text(1_500_001, "usdc") == "1.500001 USDC"
    assert money_text(12, USDC_ON_SOLANA) == "0.000012 USDC"
    assert money_text(1_500_000, OTHER) == f"1500000 units of {OTHER}"
    assert money_text(15_000, "usd") == "$150.00"
    assert amount_text(Amount("1500000", USDC_ON_BASE, 6)) == f"1.50 USDC ({USDC_ON_BASE})"


def test_an_id_has_one_spelling() -> None:
    assert folded_asset(USDC_ON_BASE.replace("0x833589f", "0x833589F")) == USDC_ON_BASE
    assert folded_asset(USDC_ON_SOLANA) == USDC_ON_SOLANA
    assert caip19("ton:mainnet", "EQ_a:b") == "ton:mainnet/token:EQ%5Fa%3Ab"
    assert known_asset(LOOKALIKE) is None
    assert named_by("usd") == {"usd"}


def test_what_json_cannot_hold_exactly_is_sealed_as_text() -> None:
    sealed = exact({"a": 2**53, "b": [2**53 - 1, -(2**60), True, None], "c": {"d": 2**256}})
    assert sealed == {"a": str(2**53), "b": [2**53 - 1, str(-(2**60)), True, None], "c": {"d": str(2**256)}}
    assert canonical_json(sealed)
