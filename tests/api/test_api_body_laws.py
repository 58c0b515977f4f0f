"""Whatever JSON comes in: it is read, or it is refused with the fields named. Nothing else can happen."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.auth import Caller
from api.errors import InvalidBody
from api.fingerprint import fingerprint
from api.intake.decision_body import ContextBody, DecisionBody, IntentBody, read_decision
from api.intake.landing_body import LandingBody, read_landing
from api.json_body import InvalidJson, parse_strictly
from api.routes.controls import ControlBody, read_control

CALLER = Caller(
    organization_id="org",
    organization_name="Org",
    member_id="mem",
    member_name="Member",
    member_email="m@example.com",
    roles=(),
    permissions=frozenset(),
    subject="key/k",
    requests_per_minute=1,
    outcome_style="reference",
    api_key_id="key_1",
    mode="test",
)
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-(2**53) + 1, 2**53 - 1)
    | TEXT
    | st.sampled_from(["refund", "payout", "credit", "axiru", "caller", "usd", "kill_switch", "freeze", "both", "a"])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)


def objects_of(names: tuple[str, ...], *, values: st.SearchStrategy[Any] = ANYTHING) -> st.SearchStrategy[Any]:
    """Objects with some of the right names and anything at all behind them."""
    return st.dictionaries(st.sampled_from(names) | TEXT, values, max_size=6)


BODIES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(DecisionBody.__struct_fields__, ANYTHING),
        "intent": objects_of(IntentBody.__struct_fields__) | ANYTHING,
        "context": objects_of(ContextBody.__struct_fields__) | ANYTHING,
    },
)


def assert_fields_are_named(refused: InvalidBody) -> None:
    assert refused.field_errors
    assert all(error.field and error.code and error.message for error in refused.field_errors)
    assert len({error.field for error in refused.field_errors}) == len(refused.field_errors)


@given(BODIES)
def test_every_decision_body_is_read_or_refused_by_name(raw: dict[str, Any]) -> None:
    try:
        asked = read_decision(raw, CALLER)
    except InvalidBody as refused:
        assert_fields_are_named(refused)
    else:
        assert asked.ovt.amount.minor_units == raw["intent"]["amount_cents"]


@given(objects_of(LandingBody.__struct_fields__))
def test_every_short_body_is_read_or_refused_by_name(raw: dict[str, Any]) -> None:
    try:
        read_landing(raw, CALLER)
    except InvalidBody as refused:
        assert_fields_are_named(refused)


@given(objects_of(ControlBody.__struct_fields__))
def test_every_control_is_read_or_refused_by_name(raw: dict[str, Any]) -> None:
    try:
        read_control(raw)
    except InvalidBody as refused:
        assert_fields_are_named(refused)


@given(st.binary(max_size=60))
def test_every_byte_string_is_json_or_refused(raw: bytes) -> None:
    try:
        parse_strictly(raw)
    except InvalidJson:
        return
    json.loads(raw)


@given(ANYTHING)
def test_json_is_read_as_it_was_meant_and_has_a_fingerprint(value: Any) -> None:
    assert parse_strictly(json.dumps(value).encode()) == value
    assert len(fingerprint({"value": value})) == 64
