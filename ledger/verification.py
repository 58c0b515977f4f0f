"""Whether one chain is what was sealed. Pure, streaming, constant memory; trusts nothing but public keys.

Every byte of every column is covered: the hash covers the body and the link, the signature covers the hash, and all
other columns are compared with the body. What a chain cannot show by itself is that its end was cut off: the chain head
shows that, and against someone who rewrites both, only a copy that was kept elsewhere.
"""

import heapq
from collections.abc import Iterable, Iterator

import msgspec

from ledger.commitment import PersonalValue, commitments, verify_commitment
from ledger.entry import Body, BodyNotCanonical, ChainHead, Entry, entry_hash, parse_body, timestamp
from ledger.signing import PublicKeys, signature_holds

Row = Entry | PersonalValue
"""What a chain is read from."""


class Tampering(msgspec.Struct, frozen=True):
    """The first entry of a chain that is not as it was sealed, and what is wrong with it."""

    organization_id: str
    mode: str
    seq: int
    what: str


class Verdict(msgspec.Struct, frozen=True):
    """What was found in one chain. The counts and `head` describe what was read until the first tampering, if any.

    `personal_values` counts those that are still there and fit their commitments, `erased_values` the commitments
    whose values are gone.
    """

    organization_id: str
    mode: str
    entries: int
    personal_values: int
    erased_values: int
    head: ChainHead
    tampering: Tampering | None = None

    @property
    def intact(self) -> bool:
        return self.tampering is None


def verify_chain(
    organization_id: str,
    mode: str,
    entries: Iterable[Entry],
    *,
    head: ChainHead | None,
    public_keys: PublicKeys,
    personal_values: Iterable[PersonalValue] = (),
) -> Verdict:
    """Check a whole chain, given in the order of `seq`, against its head; both iterables are read once, side by side.

    Tampering is a finding, not an error: nothing in the rows makes this raise.
    """
    check = ChainCheck(organization_id, mode, public_keys)
    streams: tuple[Iterable[Row], ...] = (entries, personal_values)
    for row in heapq.merge(*streams, key=reading_order):
        if not check.read(row):
            break
    return check.verdict(head)


def reading_order(row: Row) -> tuple[int, bool]:
    """Sorts each entry before its own personal values."""
    return row.seq, isinstance(row, PersonalValue)


class ChainCheck:
    """The check of one chain, one row at a time: each entry followed by its personal values, then the verdict."""

    def __init__(self, organization_id: str, mode: str, public_keys: PublicKeys) -> None:
        self._head = ChainHead.genesis(organization_id, mode)
        self._public_keys = public_keys
        self._commitments: dict[str, str] = {}
        self._entries = 0
        self._personal_values = 0
        self._committed_values = 0
        self._tampering: Tampering | None = None

    def read(self, row: Row) -> bool:
        """Take the next row; False once tampering was found, after which nothing more is looked at."""
        if self._tampering is None:
            findings = self._wrong_with_entry(row) if isinstance(row, Entry) else self._wrong_with_value(row)
            self._note(next(findings, None))
        if self._tampering is not None:
            return False
        if isinstance(row, Entry):
            self._head = row.head
            self._entries += 1
            self._committed_values += len(self._commitments)
        else:
            self._personal_values += 1
            del self._commitments[row.path]
        return True

    def verdict(self, head: ChainHead | None) -> Verdict:
        """The verdict on the rows read, once they are compared with the chain's recorded head (None: it has none)."""
        if self._tampering is None:
            self._note(next(self._wrong_with_end(head), None))
        return Verdict(
            organization_id=self._head.organization_id,
            mode=self._head.mode,
            entries=self._entries,
            personal_values=self._personal_values,
            erased_values=self._committed_values - self._personal_values,
            head=self._head,
            tampering=self._tampering,
        )

    def _note(self, finding: tuple[int, str] | None) -> None:
        if finding is not None:
            self._tampering = Tampering(self._head.organization_id, self._head.mode, *finding)

    def _wrong_with_entry(self, entry: Entry) -> Iterator[tuple[int, str]]:
        """All that is wrong, most telling first; lazily, because only the first is looked at."""
        body, unsound = self._opened(entry)
        expected = self._head.seq + 1
        if entry.seq > expected:
            after = f"; the next one there, seq {entry.seq}: {unsound}" if unsound else ""
            yield expected, f"the entry is missing{after}"
        if body is None or unsound:
            yield entry.seq, unsound
            return
        if entry.seq < expected:
            yield entry.seq, f"the entry stands where {expected} is due"
        if entry.prev_hash != self._head.entry_hash:
            before = "the entry before" if self._head.seq else "the genesis hash of this organization and mode"
            yield entry.seq, f"prev_hash does not link to {before}"
        public_key = self._public_keys.get(body.key_id)
        if public_key is None:
            yield entry.seq, f"signed by key {body.key_id}, which is not among the trusted public keys"
        elif not signature_holds(public_key, entry.signature, entry.entry_hash):
            yield entry.seq, f"the signature is not that of key {body.key_id} over entry_hash"
        self._commitments = commitments(body.data)

    def _opened(self, entry: Entry) -> tuple[Body | None, str]:
        """The body, and what is wrong with the entry taken by itself; an empty text if nothing is."""
        if entry.entry_hash != entry_hash(entry.prev_hash, entry.body):
            return None, "entry_hash is not the SHA-256 of prev_hash and body"
        try:
            body = parse_body(entry.body)
        except BodyNotCanonical as error:
            return None, error.message
        for column, found, sealed in self._projections(entry, body):
            if found != sealed:
                return body, f"column {column} says {found!r}, the sealed body {sealed!r}"
        return body, ""

    def _projections(self, entry: Entry, body: Body) -> Iterator[tuple[str, object, object]]:
        """(column, what it says, what the body says). That this is the chain's own entry is for the links to show."""
        yield "organization_id", entry.organization_id, body.organization_id
        yield "mode", entry.mode, body.mode
        yield "seq", entry.seq, body.seq
        yield "kind", entry.kind, body.kind
        yield "decision_id", entry.decision_id, body.decision_id
        yield "sealed_at", timestamp(entry.sealed_at), body.sealed_at

    def _wrong_with_value(self, value: PersonalValue) -> Iterator[tuple[int, str]]:
        if value.seq > self._head.seq:
            yield self._head.seq + 1, f"the entry is missing, although a personal value of entry {value.seq} is there"
        commitment = self._commitments.get(value.path)
        if commitment is None:
            yield value.seq, f"the personal value at {value.path!r} was never committed to"
        elif not verify_commitment(commitment, value.salt, value.value):
            yield value.seq, f"the personal value at {value.path!r} is not the one that was committed to"

    def _wrong_with_end(self, head: ChainHead | None) -> Iterator[tuple[int, str]]:
        last = self._head.seq
        if head is None:
            yield max(last, 1), "the chain head is missing"
        elif head.seq > last:
            yield last + 1, f"the entry is missing: the chain head stands at seq {head.seq}"
        elif head.seq < last:
            yield max(head.seq + 1, 1), f"the entry lies beyond the chain head, which stands at seq {head.seq}"
        elif head != self._head:
            yield (
                max(last, 1),
                "the chain head does not have this entry's hash"
                if last
                else ("the chain head does not have the genesis hash of this organization and mode"),
            )
