"""Whatever is changed in a chain is found, and the first entry that is wrong is named."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commitment import commit
from ledger.entry import ChainHead, Entry, entry_hash, seal
from ledger.signing import Signer
from ledger.verification import verify_chain

replace = msgspec.structs.replace
COLUMNS = Entry.__struct_fields__
LENGTH = 7
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def verdict(chain, entries=None, **changes):
    arguments = {"head": chain.head, "public_keys": chain.public_keys, "personal_values": chain.personal_values}
    in_order = sorted(chain.entries if entries is None else entries, key=lambda entry: entry.seq)
    return verify_chain(chain.organization_id, chain.mode, in_order, **{**arguments, **changes})


def altered(data, value):
    """`value` with one byte, character or bit changed, still of a kind that its column can hold."""
    match value:
        case bytes():
            position = data.draw(st.integers(0, len(value) - 1))
            flipped = value[position] ^ data.draw(st.integers(1, 255))
            return value[:position] + bytes([flipped]) + value[position + 1 :]
        case str():
            position = data.draw(st.integers(0, len(value) - 1))
            flipped = chr(ord(value[position]) ^ data.draw(st.integers(1, 127)))
            return value[:position] + flipped + value[position + 1 :]
        case int():
            return value ^ 1 << data.draw(st.integers(3, 62))
        case datetime():
            microseconds = (value - EPOCH) // timedelta(microseconds=1)
            return EPOCH + timedelta(microseconds=microseconds ^ 1 << data.draw(st.integers(0, 50)))
        case None:
            return data.draw(st.sampled_from(["", "ed_1"]))
    raise AssertionError(value)


def test_an_untouched_chain_is_intact(chain):
    found = verdict(chain)
    assert found.intact
    assert (found.entries, found.personal_values, found.erased_values) == (LENGTH, 4, 0)
    assert found.head == chain.head


def test_a_chain_without_entries_is_intact_under_its_genesis_head(chain):
    assert verdict(chain, [], head=ChainHead.genesis("org_demo", "test"), personal_values=()).intact


@pytest.mark.parametrize("column", COLUMNS)
@given(data=st.data())
def test_any_byte_of_any_column_of_any_row_is_found(chain, column, data):
    row = data.draw(st.integers(0, LENGTH - 1))
    original = chain.entries[row]
    changed = replace(original, **{column: altered(data, getattr(original, column))})
    found = verdict(chain, [*chain.entries[:row], changed, *chain.entries[row + 1 :]]).tampering
    assert found is not None
    assert found.seq == min(original.seq, changed.seq)
    assert found.what


@given(data=st.data())
def test_a_decision_cannot_be_hidden_from_its_entry(chain, data):
    row = data.draw(st.sampled_from([i for i, entry in enumerate(chain.entries) if entry.decision_id]))
    entries = list(chain.entries)
    entries[row] = replace(entries[row], decision_id=None)
    assert verdict(chain, entries).tampering.seq == row + 1


@given(data=st.data())
def test_a_body_rewritten_with_its_hash_is_found_by_the_signature(chain, data):
    row = data.draw(st.integers(0, LENGTH - 1))
    entries = list(chain.entries)
    body = entries[row].body.replace(b"entry ", b"entrz ")
    entries[row] = replace(entries[row], body=body, entry_hash=entry_hash(entries[row].prev_hash, body))
    found = verdict(chain, entries).tampering
    assert found.seq == row + 1
    assert "signature" in found.what


@given(rows=st.sets(st.integers(0, LENGTH - 1), min_size=1))
def test_deleted_rows_are_found(chain, rows):
    remaining = [entry for row, entry in enumerate(chain.entries) if row not in rows]
    found = verdict(chain, remaining).tampering
    assert found.seq == min(rows) + 1
    assert "missing" in found.what


@given(kept=st.integers(0, LENGTH - 1), erased=st.booleans())
def test_a_truncated_tail_is_found_by_the_chain_head(chain, kept, erased):
    values = () if erased else chain.personal_values
    assert verdict(chain, chain.entries[:kept], personal_values=values).tampering.seq == kept + 1


@given(rows=st.lists(st.integers(0, LENGTH - 1), min_size=2, max_size=2, unique=True))
def test_swapped_rows_are_found(chain, rows):
    one, other = rows
    entries = list(chain.entries)
    entries[one] = replace(chain.entries[other], seq=one + 1)
    entries[other] = replace(chain.entries[one], seq=other + 1)
    assert verdict(chain, entries).tampering.seq == min(rows) + 1


@given(row=st.integers(0, LENGTH - 1))
def test_a_row_put_in_between_is_found(chain, row):
    shifted = [replace(entry, seq=entry.seq + 1) for entry in chain.entries[row:]]
    entries = [*chain.entries[:row], chain.entries[row], *shifted]
    found = verdict(chain, entries, head=replace(chain.head, seq=LENGTH + 1)).tampering
    assert found.seq == row + 2


@given(row=st.integers(0, LENGTH - 1))
def test_a_row_that_is_there_twice_is_found(chain, row):
    found = verdict(chain, [*chain.entries, chain.entries[row]]).tampering
    assert found.seq == row + 1
    assert f"stands where {row + 2} is due" in found.what


def test_an_entry_sealed_with_the_right_key_but_not_in_the_chain_head_is_found(chain):
    forged = seal(
        chain.head, kind="vote", data={}, policy_hash=None, sealed_at=chain.entries[-1].sealed_at, signer=chain.signer
    )
    found = verdict(chain, [*chain.entries, forged]).tampering
    assert found.seq == LENGTH + 1
    assert "beyond the chain head" in found.what


@given(row=st.integers(1, LENGTH - 1))
def test_an_entry_of_another_history_sealed_with_the_right_key_is_found(chain, row):
    before = replace(chain.entries[row - 1].head, entry_hash=bytes(32))
    original = chain.entries[row]
    forked = seal(
        before, kind=original.kind, data={}, policy_hash=None, sealed_at=original.sealed_at, signer=chain.signer
    )
    found = verdict(chain, [*chain.entries[:row], forked, *chain.entries[row + 1 :]], personal_values=()).tampering
    assert found.seq == row + 1
    assert "prev_hash" in found.what


def test_an_entry_that_was_sealed_for_another_place_is_found(chain):
    ahead = replace(chain.head, seq=LENGTH + 1)
    sealed = seal(ahead, kind="vote", data={}, policy_hash=None, sealed_at=EPOCH, signer=chain.signer)
    moved = replace(sealed, seq=LENGTH + 1)
    found = verdict(chain, [*chain.entries, moved], head=moved.head).tampering
    assert found.seq == LENGTH + 1
    assert "column seq" in found.what


def test_a_chain_that_does_not_begin_at_its_genesis_is_found(chain):
    before = ChainHead("org_demo", "test", 0, bytes(32))
    forged = seal(
        before, kind="vote", data={}, policy_hash=None, sealed_at=chain.entries[0].sealed_at, signer=chain.signer
    )
    found = verdict(chain, [forged], head=forged.head, personal_values=()).tampering
    assert found.seq == 1
    assert "genesis" in found.what


@given(row=st.integers(0, LENGTH - 1))
def test_a_chain_rewritten_under_another_key_is_found_where_the_rewriting_begins(chain, row):
    stranger = Signer.from_private_bytes(b"\x07" * 32)
    head = chain.entries[row - 1].head if row else ChainHead.genesis("org_demo", "test")
    entries = list(chain.entries[:row])
    for original in chain.entries[row:]:
        forged = seal(
            head, kind=original.kind, data={}, policy_hash=None, sealed_at=original.sealed_at, signer=stranger
        )
        entries.append(forged)
        head = forged.head
    found = verdict(chain, entries, head=head, personal_values=()).tampering
    assert found.seq == row + 1
    assert stranger.key_id in found.what


@pytest.mark.parametrize("elsewhere", [("org_demo", "live"), ("org_other", "test")], ids="/".join)
def test_a_whole_chain_does_not_pass_for_another_ones(chain, build, elsewhere):
    organization_id, mode = elsewhere
    moved = [replace(entry, organization_id=organization_id, mode=mode) for entry in chain.entries]
    found = verify_chain(
        organization_id, mode, moved, head=replace(moved[-1].head), public_keys=chain.public_keys
    ).tampering
    assert found.seq == 1


@given(data=st.data())
def test_any_change_of_the_chain_head_is_found(chain, data):
    column = data.draw(st.sampled_from(["seq", "entry_hash", "organization_id", "mode"]))
    changed = replace(chain.head, **{column: altered(data, getattr(chain.head, column))})
    assert verdict(chain, head=changed).tampering.seq in (LENGTH, LENGTH + 1)


def test_a_missing_chain_head_is_found(chain):
    assert verdict(chain, head=None).tampering.seq == LENGTH


@pytest.mark.parametrize("column", ["seq", "path", "salt"])
@given(data=st.data())
def test_any_change_of_a_personal_value_is_found(chain, column, data):
    place = data.draw(st.integers(0, len(chain.personal_values) - 1))
    original = chain.personal_values[place]
    changed = replace(original, **{column: altered(data, getattr(original, column))})
    values = sorted([*chain.personal_values[:place], changed, *chain.personal_values[place + 1 :]], key=lambda v: v.seq)
    found = verdict(chain, personal_values=values).tampering
    assert found is not None
    assert found.seq == (original.seq if column != "seq" else min(changed.seq, LENGTH + 1))


@pytest.mark.parametrize("value", ["cus_2", "", None, 1, float("nan"), ["cus_1"]], ids=str)
def test_a_personal_value_that_was_replaced_is_found(chain, value):
    values = (replace(chain.personal_values[0], value=value), *chain.personal_values[1:])
    found = verdict(chain, personal_values=values).tampering
    assert found.seq == 1
    assert "committed" in found.what


def test_a_personal_value_nobody_committed_to_is_found(chain):
    added = replace(chain.personal_values[-1], path="ovt.context.customer_email")
    found = verdict(chain, personal_values=[*chain.personal_values, added]).tampering
    assert found.seq == added.seq
    assert "never committed" in found.what


def test_a_personal_value_that_is_there_twice_is_found(chain):
    values = [chain.personal_values[0], *chain.personal_values]
    assert verdict(chain, personal_values=values).tampering.seq == 1


def test_the_values_of_two_entries_cannot_be_exchanged(chain):
    first, *_, last = [value for value in chain.personal_values if value.path == "ovt.context.customer_id"]
    exchanged = [
        replace(first, salt=last.salt, value=last.value) if value is first else value for value in chain.personal_values
    ]
    assert verdict(chain, personal_values=exchanged).tampering.seq == first.seq


@given(erased=st.sets(st.integers(0, 3)))
def test_erasing_personal_values_leaves_the_chain_intact(chain, erased):
    remaining = [value for place, value in enumerate(chain.personal_values) if place not in erased]
    found = verdict(chain, personal_values=remaining)
    assert found.intact
    assert (found.personal_values, found.erased_values) == (4 - len(erased), len(erased))


def test_an_erased_value_cannot_be_found_by_trying_likely_ones(chain):
    value = chain.personal_values[0]
    assert commit(bytes(32), value.value).encode() not in chain.entries[0].body


def test_verification_reads_as_it_goes_and_keeps_nothing(chain):
    read = 0

    def entries():
        nonlocal read
        for entry in chain.entries:
            read += 1
            yield entry if read != 2 else replace(entry, kind="vot")

    assert (
        verify_chain("org_demo", "test", entries(), head=chain.head, public_keys=chain.public_keys).tampering.seq == 2
    )
    assert read <= 3
