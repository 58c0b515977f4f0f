"""What is kept of Stripe's objects, held against every object of the vendor's own schema, filled with what must not be.

Nothing that identifies a card, a bank account, a document or a person may come through, in any field of any object.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from axiru.dev.binaries import STRIPE_MOCK_MODULE
from axiru.domain.seen_movement import lacks_refunds, movements_in
from axiru.domain.stripe_event import read_event
from axiru.stripe_fields import kept, kept_event

SENSITIVE = {
    "last4",
    "dynamic_last4",
    "fingerprint",
    "number",
    "cvc",
    "exp_month",
    "exp_year",
    "iin",
    "account_number",
    "routing_number",
    "account_holder_name",
    "iban",
    "sort_code",
    "bank_name",
    "line1",
    "line2",
    "postal_code",
    "city",
    "state",
    "address",
    "email",
    "receipt_email",
    "instructions_email",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "name",
    "phone",
    "ssn_last_4",
    "id_number",
    "first_name",
    "last_name",
    "dob",
    "tax_id",
    "verification",
    "document",
    "client_secret",
    "description",
    "statement_descriptor",
    "billing_details",
    "shipping",
    "evidence",
    "owner",
    "individual",
    "company",
    "external_accounts",
    "bank_account",
    "us_bank_account",
    "payment_method",
    "default_source",
    "sources",
    "source_data",
    "receipt_number",
    "receipt_url",
    "authorization_code",
    "network_transaction_id",
    "trace_id",
    "reference",
    "support_email",
    "support_phone",
}
"""Names of fields of which nothing is kept, nor of anything below them."""

CARD_NUMBER = "4242424242424242"
MOST_DEEP = 5


@pytest.fixture(scope="session")
def vendor() -> Path:
    """Where the vendor's schema and fixtures are: in the module of stripe-mock."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Stripe's API description comes with the Go module of stripe-mock, and there is no Go here")
    found = subprocess.run(  # noqa: S603
        [go, "mod", "download", "-json", STRIPE_MOCK_MODULE], capture_output=True, check=False
    )
    if found.returncode != 0:
        pytest.skip("the Go module of stripe-mock cannot be had")
    return Path(json.loads(found.stdout)["Dir"]) / "embedded" / "openapi"


@pytest.fixture(scope="session")
def schemas(vendor: Path) -> dict[str, Any]:
    components: dict[str, Any] = json.loads((vendor / "spec3.json").read_bytes())["components"]["schemas"]
    return components


@pytest.fixture(scope="session")
def fixtures(vendor: Path) -> dict[str, Any]:
    resources: dict[str, Any] = json.loads((vendor / "fixtures3.json").read_bytes())["resources"]
    return resources


class Filling:
    """Makes an object with every field that the schema knows, each text saying where it came from."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self.places: dict[str, str] = {}

    def of(self, schema: Mapping[str, Any], place: str, depth: int = 0) -> Any:  # noqa: PLR0911 - one a shape
        if "$ref" in schema:
            return self.of(self._schemas[schema["$ref"].rpartition("/")[2]], place, depth)
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                # The last of an expandable field is the whole object.
                return self.of(schema[several][-1], place, depth)
        if depth > MOST_DEEP:
            return None
        match schema.get("type"):
            case "object":
                fields = schema.get("properties", {})
                filled = {name: self.of(field, f"{place}.{name}", depth + 1) for name, field in fields.items()}
                if "object" in filled and len(schema["properties"]["object"].get("enum", ())) == 1:
                    filled["object"] = schema["properties"]["object"]["enum"][0]
                return filled or {"anything": self._text(f"{place}.anything")}
            case "array":
                return [self.of(schema["items"], place, depth + 1)]
            case "string":
                return self._text(place)
            case "integer":
                return 4242
            case "boolean":
                return True
            case _:
                return None

    def _text(self, place: str) -> str:
        marker = f"told_{len(self.places)}_"
        self.places[marker] = place
        return marker


def test_of_no_object_of_stripes_anything_sensitive_is_kept(schemas: dict[str, Any]) -> None:
    looked_at = 0
    for name, schema in schemas.items():
        filling = Filling(schemas)
        document = filling.of(schema, name)
        if not isinstance(document, dict) or not isinstance(document.get("object"), str):
            continue
        looked_at += 1
        for marker in _texts(kept(document["object"], document)):
            if marker in filling.places:
                fields = set(filling.places[marker].split(".")[1:])
                assert not fields & SENSITIVE, filling.places[marker]
    assert looked_at > 100


def test_of_an_event_about_any_object_no_more_is_kept_than_of_the_object(fixtures: dict[str, Any]) -> None:
    for document in fixtures.values():
        if not isinstance(document, dict) or "object" not in document:
            continue
        told = {"id": "evt_1", "object": "event", "type": "x.y", "created": 1, "livemode": False, "account": "acct_1"}
        event = {**told, "data": {"object": document, "previous_attributes": document}, "request": {"id": "req_1"}}
        cut = kept_event(event)
        assert set(cut) <= {*told, "api_version", "data"}
        assert set(cut["data"]) == {"object"}
        assert cut["data"]["object"] == kept(document["object"], document)


def test_card_number_in_whichever_field_is_not_kept(schemas: dict[str, Any]) -> None:
    """Not in metadata, not as an id, a code or a reason; the one name that is kept is an account's own."""
    for name in ("refund", "charge", "dispute", "payout", "transfer", "fee_refund", "application_fee", "customer"):
        document = _every_text(Filling(schemas).of(schemas[name], name), CARD_NUMBER)
        cut = json.dumps(kept(name, document))
        assert CARD_NUMBER not in cut, name


def test_kind_nobody_knows_is_kept_by_its_id_alone() -> None:
    document = {"id": "x_1", "object": "thing_of_tomorrow", "amount": 5, "secret": "s", "metadata": {"a": "b"}}

    assert kept("thing_of_tomorrow", document) == {"id": "x_1", "object": "thing_of_tomorrow"}


@pytest.mark.parametrize("value", [None, 5, "text", [], [{}], True])
def test_what_is_no_object_leaves_nothing(value: Any) -> None:
    assert kept("refund", value) == {}
    assert kept_event(value) == {}
    assert read_event(value) is None


def test_values_of_another_type_than_documented_are_left_out() -> None:
    odd = {"id": 5, "object": "refund", "amount": "500", "currency": ["usd"], "created": True, "charge": {"id": None}}
    hostile = {
        "status": "a" * 65,
        "reason": "two words",
        "balance_transaction": {"id": "txn\u0000"},
        "customer": "4711",
    }

    assert kept("refund", {**odd, **hostile, "metadata": {"axiru_decision_id": 7}}) == {"object": "refund"}


def test_reference_that_came_expanded_is_cut_to_its_id(fixtures: dict[str, Any]) -> None:
    refund = {**fixtures["refund"], "charge": fixtures["charge"], "payment_intent": fixtures["payment_intent"]}

    cut = kept("refund", refund)

    assert cut["charge"] == fixtures["charge"]["id"]
    assert cut["payment_intent"] == fixtures["payment_intent"]["id"]


REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 500,
    "currency": "usd",
    "created": 1_700_000_000,
    "charge": "ch_1",
    "metadata": {"axiru_decision_id": "ed_1", "note": "for Jane Doe"},
    "status": "succeeded",
}
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "amount": 900,
    "currency": "usd",
    "created": 1_600_000_000,
    "refunded": True,
}


def test_one_refund_is_the_same_movement_in_every_event_and_version() -> None:
    """`charge.refunded` held the refunds until 2022-11-15; before 2013 as a bare array."""
    of_its_own = movements_in(kept("refund", REFUND))
    page = {"object": "list", "data": [REFUND], "has_more": False}
    in_a_page = movements_in(kept("charge", {**CHARGE, "refunds": page}))
    in_an_array = movements_in(kept("charge", {**CHARGE, "refunds": [REFUND]}))

    assert of_its_own == in_a_page == in_an_array
    (movement,) = of_its_own
    assert (movement.stripe_object_id, movement.amount_cents, movement.named) == ("re_1", 500, "ed_1")


def test_charge_says_when_its_refunds_have_to_be_asked_for() -> None:
    whole = {"object": "list", "data": [REFUND], "has_more": False}

    assert lacks_refunds(kept("charge", CHARGE))
    assert lacks_refunds(kept("charge", {**CHARGE, "refunds": {**whole, "has_more": True}}))
    assert not lacks_refunds(kept("charge", {**CHARGE, "refunds": whole}))
    assert not lacks_refunds(kept("refund", REFUND))


def test_payouts_by_schedule_and_reversals_are_no_movements_somebody_made(fixtures: dict[str, Any]) -> None:
    payout = {**fixtures["payout"], "automatic": False}

    assert len(movements_in(kept("payout", payout))) == 1
    assert movements_in(kept("payout", {**payout, "automatic": True})) == []
    assert movements_in(kept("payout", {**payout, "original_payout": "po_1"})) == []
    assert movements_in(kept("transfer_reversal", fixtures["transfer_reversal"])) == []


def test_refund_of_an_application_fee_is_found_in_its_fee(fixtures: dict[str, Any]) -> None:
    refunded = fixtures["fee_refund"]
    fee = {**fixtures["application_fee"], "refunds": {"object": "list", "data": [refunded], "has_more": False}}

    (in_the_fee,) = movements_in(kept("application_fee", fee))
    (alone,) = movements_in(kept("fee_refund", refunded))

    assert in_the_fee.stripe_object_id == alone.stripe_object_id
    assert in_the_fee.target.application_fee == alone.target.application_fee == refunded["fee"]


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for member in value.values():
                yield from _texts(member)
        case list():
            for item in value:
                yield from _texts(item)


def _every_text(value: Any, text: str) -> Any:
    match value:
        case dict():
            # What kind of object it is stays, or nothing of it would be looked at.
            return {
                name: member if name == "object" else _every_text(member, text) for name, member in value.items()
            } | ({"axiru_decision_id": text} if "anything" in value else {})
        case list():
            return [_every_text(item, text) for item in value]
        case str():
            return text
        case _:
            return value
