"""The sealed chain, the erasable values beside it, the keys that sign it, and the outbox written with every entry."""

from piccolo.columns import JSONB, BigInt, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table


class ChainHead(Table, tablename="chain_heads"):
    """The last entry of each chain. Its row lock is what makes one act happen after another."""

    chain = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    seq = BigInt()
    entry_hash = Bytea()


class LedgerEntry(Table, tablename="ledger_entries"):
    """Append-only: triggers refuse UPDATE, DELETE and TRUNCATE. The primary key is (organization_id, mode, seq)."""

    organization_id = Text()
    mode = Text()
    seq = BigInt(primary_key=True)
    kind = Text()
    decision_id = Text(null=True, default=None)
    body = Bytea()
    prev_hash = Bytea()
    entry_hash = Bytea()
    signature = Bytea()
    sealed_at = Timestamptz()


class PersonalValue(Table, tablename="personal_values"):
    """The value behind a commitment in an entry's body. May be erased; the chain stays whole."""

    organization_id = Text()
    mode = Text()
    seq = BigInt()
    path = Text(primary_key=True)
    salt = Bytea()
    value = JSONB()


class SigningKey(Table, tablename="signing_keys"):
    """`purpose` is ledger or token. The private half is sealed by the vault."""

    key_id = Text(primary_key=True)
    purpose = Text()
    public_jwk = JSONB()
    private_ciphertext = Bytea(secret=True)
    created_at = Timestamptz()
    retired_at = Timestamptz(null=True, default=None)
    active_from = Timestamptz(null=True, default=None)
    revoked_at = Timestamptz(null=True, default=None)
    revoked_reason = Text(null=True, default=None)
    token_seconds = Integer(default=300)


class Outbox(Table, tablename="outbox"):
    """What the rest of the world may now be told, in the order of the chain. Also the organization's event stream."""

    organization_id = Text()
    mode = Text()
    seq = BigInt()
    position = Integer(primary_key=True)
    topic = Text()
    payload = JSONB()
    written_at = Timestamptz()


class OutboxCursor(Table, tablename="outbox_cursors"):
    """How far a relay has delivered one chain."""

    relay = Text(primary_key=True)
    organization_id = Text()
    mode = Text()
    seq = BigInt()
