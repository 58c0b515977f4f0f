"""An export is evidence: whoever has the file can compute every hash again."""

import csv
import hashlib
import io
import json

import msgspec
import pytest
import rfc8785

from ledger.entry import BodyNotCanonical, ChainHead, seal
from ledger.exports import CSV_COLUMNS, csv_header, csv_line, ndjson_line

replace = msgspec.structs.replace


def rows(*lines):
    return list(csv.DictReader(io.StringIO(b"".join([csv_header(), *lines]).decode(), newline="")))


def test_every_hash_can_be_computed_again_from_ndjson(chain):
    for entry in chain.entries:
        exported = json.loads(ndjson_line(entry))
        ledger_id = exported.pop("ledger_id")
        prev_hash, entry_hash = bytes.fromhex(exported.pop("prev_hash")), exported.pop("entry_hash")
        signature = bytes.fromhex(exported.pop("signature"))
        assert hashlib.sha256(prev_hash + rfc8785.dumps(exported)).hexdigest() == entry_hash
        assert ledger_id == entry.ledger_id
        chain.signer.public_key.verify(signature, bytes.fromhex(entry_hash))


def test_an_ndjson_line_is_one_line(chain):
    for entry in chain.entries:
        assert ndjson_line(entry).count(b"\n") == 1


def test_every_hash_can_be_computed_again_from_csv(chain):
    for row in rows(*map(csv_line, chain.entries)):
        hashed = hashlib.sha256(bytes.fromhex(row["prev_hash"]) + row["body"].encode()).hexdigest()
        assert hashed == row["entry_hash"]


def test_a_csv_row_shows_what_the_body_says(chain):
    row = rows(csv_line(chain.entries[0]))[0]
    assert tuple(row) == CSV_COLUMNS
    assert (row["seq"], row["kind"], row["mode"], row["sealed_at"]) == (
        "1",
        "decision",
        "test",
        "2026-04-28T20:00:01.123456Z",
    )
    assert row["decision_id"] == chain.entries[0].decision_id


def test_a_fact_that_is_absent_is_an_empty_cell(chain):
    control = next(entry for entry in chain.entries if entry.kind == "control")
    row = rows(csv_line(control))[0]
    assert (row["decision_id"], row["policy_hash"]) == ("", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"], ids=repr)
def test_no_cell_begins_like_a_formula(chain, start):
    kind = f"{start}HYPERLINK(1),2"
    head = ChainHead.genesis(f"{start}org", "test")
    entry = seal(
        head,
        kind=kind,
        data={"decision_id": f"{start}1"},
        policy_hash=None,
        sealed_at=chain.entries[0].sealed_at,
        signer=chain.signer,
    )
    row = rows(csv_line(entry))[0]
    assert row["kind"] == "'" + kind
    assert not any(cell.startswith(start) for cell in row.values())


def test_a_body_that_is_none_any_more_is_not_exported(chain):
    broken = replace(chain.entries[2], body=b"{}")
    for line in (ndjson_line, csv_line):
        with pytest.raises(BodyNotCanonical) as refusal:
            line(broken)
        assert refusal.value.facts == {"organization_id": "org_demo", "mode": "test", "seq": 3}
