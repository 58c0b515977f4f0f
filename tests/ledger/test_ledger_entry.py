"""What an entry is made of, against vectors that were computed without the product's code."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from ledger.commitment import commit
from ledger.entry import (
    BodyNotCanonical,
    ChainHead,
    canonical_json,
    genesis_hash,
    ledger_id,
    parse_body,
    parse_json,
    seal,
    timestamp,
)
from ledger.signing import Signer

VECTORS = json.loads((Path(__file__).parent / "vectors" / "chain.json").read_text())
SIGNER = Signer.from_private_bytes(bytes.fromhex(VECTORS["private_key"]))


def _seal(**changes):
    arguments = {
        "kind": "decision",
        "data": {"decision_id": "ed_1"},
        "policy_hash": None,
        "sealed_at": datetime(2026, 4, 28, 20, tzinfo=UTC),
        "signer": SIGNER,
    }
    return seal(ChainHead.genesis("org_demo", "test"), **{**arguments, **changes})


def test_sealing_gives_the_known_bodies_hashes_and_signatures():
    head = ChainHead.genesis(VECTORS["organization_id"], VECTORS["mode"])
    assert head.entry_hash.hex() == VECTORS["genesis_hash"]
    for seq, known in enumerate(VECTORS["entries"], start=1):
        entry = seal(
            head,
            kind=known["kind"],
            data=known["data"],
            policy_hash=known["policy_hash"],
            sealed_at=datetime.fromisoformat(known["sealed_at"]),
            signer=SIGNER,
        )
        assert entry.seq == seq
        assert entry.body.decode() == known["body"]
        assert entry.prev_hash.hex() == known["prev_hash"]
        assert entry.entry_hash.hex() == known["entry_hash"]
        assert entry.signature.hex() == known["signature"]
        assert entry.ledger_id == known["ledger_id"]
        assert entry.decision_id == known["data"].get("decision_id")
        head = entry.head


def test_a_commitment_is_the_known_one():
    known = VECTORS["personal_value"]
    assert commit(bytes.fromhex(known["salt"]), known["value"]) == known["commitment"]


def test_a_body_has_exactly_its_eight_members():
    assert set(json.loads(_seal().body)) == {
        "organization_id",
        "mode",
        "seq",
        "kind",
        "sealed_at",
        "policy_hash",
        "key_id",
        "data",
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("org_a", "test"), ("org_a", "live")),
        (("org_a", "test"), ("org_b", "test")),
        (("org_a", "test"), ("org_", "atest")),
        (("a/b", "c"), ("a", "b/c")),
    ],
)
def test_no_two_chains_share_a_genesis_hash(one, other):
    assert genesis_hash(*one) != genesis_hash(*other)
    assert len(genesis_hash(*one)) == 32


def test_a_moment_is_sealed_in_utc_to_the_microsecond():
    assert timestamp(datetime(2026, 4, 28, 22, 0, tzinfo=timezone(timedelta(hours=2)))) == "2026-04-28T20:00:00.000000Z"


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        _seal(sealed_at=datetime(2026, 4, 28, 20))  # noqa: DTZ001


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53, -(2**53), "\ud800", {"\ud800": 1}, {1: 2}, b"bytes", object()],
    ids=lambda value: "object()" if type(value) is object else repr(value),
)
def test_data_without_a_canonical_form_is_refused(value):
    with pytest.raises(BodyNotCanonical):
        _seal(data={"value": value})


def test_data_nested_beyond_the_stack_is_refused():
    nested: list = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(BodyNotCanonical):
        _seal(data={"value": nested})


@pytest.mark.parametrize("number", [1e20, -1e20, 2.0**53, 1e21, 1e-7, 5e-324, 0.1, -0.0, 3.0])
def test_a_double_survives_being_sealed_and_read(number):
    entry = _seal(data={"number": number})
    assert parse_body(entry.body).data["number"] == number
    assert canonical_json(parse_json(entry.body)) == entry.body


def test_a_body_is_read_back_as_it_was_sealed():
    body = parse_body(_seal(policy_hash="ab" * 32).body)
    assert (body.organization_id, body.mode, body.seq, body.kind) == ("org_demo", "test", 1, "decision")
    assert (body.policy_hash, body.key_id, body.decision_id) == ("ab" * 32, SIGNER.key_id, "ed_1")


GOOD_BODY = _seal().body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        GOOD_BODY + b" ",
        GOOD_BODY + b"\n",
        b"\xef\xbb\xbf" + GOOD_BODY,
        GOOD_BODY.decode().encode("utf-16"),
        GOOD_BODY.replace(b'"seq":1', b'"seq":1.0'),
        GOOD_BODY.replace(b'"seq":1', b'"seq":"1"'),
        GOOD_BODY.replace(b'"seq":1', b'"seq":null'),
        GOOD_BODY.replace(b'"seq":1', b'"seq":1,"seq":1'),
        GOOD_BODY.replace(b'"seq":1', b'"seq":1,"sequel":1'),
        GOOD_BODY.replace(b',"seq":1', b""),
        GOOD_BODY.replace(b'"policy_hash":null', b'"policy_hash":NaN'),
        GOOD_BODY.replace(b'"data":{"decision_id":"ed_1"}', b'"data":[]'),
        GOOD_BODY.replace(b"ed_1", b"\\u0065d_1"),
        b"[" * 100_000,
        b"1" * 5_000,
    ],
    ids=lambda body: repr(body[:12]) + str(len(body)),
)
def test_bytes_that_no_sealing_produces_are_refused(body):
    with pytest.raises(BodyNotCanonical):
        parse_body(body)


def test_a_ledger_id_can_be_derived_from_the_hash_alone():
    assert ledger_id(bytes(32)) == "lr_" + "a" * 26
    assert ledger_id(b"\xff" * 32) == "lr_" + "7" * 25 + "4"
