"""`verify` and `export` on a real PostgreSQL with the real schema: exit codes, what is printed, who can be fooled."""

import io
import json

import asyncpg
import pytest

from ledger.exports import export
from ledger.signing import Signer
from ledger.verify_command import verify

ROW = "WHERE organization_id = 'org_demo' AND mode = 'test' AND seq = 4"


@pytest.fixture
def kept(database, chain):
    database.keep(chain)
    return database


def test_an_intact_ledger_exits_0_and_says_what_was_read(kept, capsys):
    assert verify(kept.url) == 0
    assert "org_demo/test: intact, 7 entries" in capsys.readouterr().out


def test_several_chains_are_each_checked(kept, build, capsys):
    kept.keep(build("org_demo", "live"))
    kept.keep(build("org_other", "test"))
    assert verify(kept.url) == 0
    assert capsys.readouterr().out.count("intact") == 3
    kept.tamper("UPDATE ledger_entries SET kind = 'vote' WHERE mode = 'live' AND seq = 1")
    assert verify(kept.url) == 1
    out = capsys.readouterr().out
    assert out.count("intact") == 2
    assert "org_demo/live: TAMPERED at seq 1: column kind" in out


def test_one_organization_can_be_checked_alone(kept, build, capsys):
    kept.keep(build("org_other", "test"))
    kept.tamper("UPDATE ledger_entries SET kind = 'x' WHERE organization_id = 'org_other'")
    assert verify(kept.url, "org_demo") == 0
    assert verify(kept.url, "org_other") == 1
    assert verify(kept.url, "org_nobody") == 2
    assert "org_nobody" in capsys.readouterr().err


def test_a_ledger_without_entries_is_intact(database, capsys):
    assert verify(database.url) == 0
    assert "no entry yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "first_bad"),
    [
        ("organization_id = 'org_dema'", 4),
        ("mode = 'live'", 4),
        ("seq = 400", 4),
        ("seq = -4", -4),
        ("kind = 'Intent'", 4),
        ("decision_id = NULL", 4),
        ("decision_id = decision_id || ' '", 4),
        ("body = set_byte(body, 20, get_byte(body, 20) # 1)", 4),
        ("body = body || '\\x20'", 4),
        ("body = ''", 4),
        ("prev_hash = set_byte(prev_hash, 0, get_byte(prev_hash, 0) # 128)", 4),
        ("entry_hash = set_byte(entry_hash, 31, get_byte(entry_hash, 31) # 1)", 4),
        ("signature = set_byte(signature, 63, get_byte(signature, 63) # 1)", 4),
        ("signature = ''", 4),
        ("sealed_at = sealed_at + interval '1 microsecond'", 4),
        ("sealed_at = 'infinity'", 4),
        ("sealed_at = '-infinity'", 4),
        ("sealed_at = '20260-01-01'", 4),
        ("sealed_at = '0044-03-15 BC'", 4),
    ],
)
def test_a_changed_column_is_found_and_its_row_named(kept, capsys, change, first_bad):
    kept.tamper("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_seq_check")
    assert kept.tamper(f"UPDATE ledger_entries SET {change} {ROW}") == "UPDATE 1"  # noqa: S608
    assert verify(kept.url) == 1
    assert f"org_demo/test: TAMPERED at seq {first_bad}: " in capsys.readouterr().out


@pytest.mark.parametrize("column", ["kind", "body", "prev_hash", "entry_hash", "signature", "sealed_at"])
def test_a_column_emptied_after_its_constraint_was_dropped_is_found(kept, capsys, column):
    kept.tamper(f"ALTER TABLE ledger_entries ALTER {column} DROP NOT NULL")
    kept.tamper(f"UPDATE ledger_entries SET {column} = NULL {ROW}")  # noqa: S608
    assert verify(kept.url) == 1
    assert "TAMPERED at seq 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sql", "first_bad"),
    [
        (f"DELETE FROM ledger_entries {ROW}", 4),  # noqa: S608
        ("DELETE FROM ledger_entries WHERE seq = 7", 7),
        ("DELETE FROM ledger_entries WHERE seq = 1", 1),
        ("DELETE FROM ledger_entries", 1),
        ("UPDATE ledger_entries SET seq = CASE seq WHEN 2 THEN -5 ELSE 2 END WHERE seq IN (2, 5)", -5),
        ("UPDATE chain_heads SET seq = 6", 7),
        ("UPDATE chain_heads SET seq = 8", 8),
        ("UPDATE chain_heads SET entry_hash = '\\x00'", 7),
        ("DELETE FROM chain_heads", 7),
        ("UPDATE personal_values SET value = '\"cus_2\"' WHERE seq = 1", 1),
        ("UPDATE personal_values SET value = (repeat('[', 3000) || repeat(']', 3000))::jsonb WHERE seq = 6", 6),
        ("UPDATE personal_values SET value = to_jsonb(('1' || repeat('0', 6000))::numeric) WHERE seq = 6", 6),
        ("UPDATE personal_values SET salt = '\\x00' WHERE seq = 6", 6),
        ("UPDATE personal_values SET seq = 3 WHERE seq = 6", 3),
        ("UPDATE personal_values SET seq = 300 WHERE seq = 6", 8),
        ("UPDATE personal_values SET path = 'ovt' || path", 1),
        ("UPDATE signing_keys SET public_jwk = '[]'", 1),
        ("UPDATE signing_keys SET purpose = 'token', active_from = created_at", 1),
        ("UPDATE signing_keys SET key_id = 'another'", 1),
        ("DELETE FROM signing_keys", 1),
    ],
)
def test_rows_that_are_gone_moved_or_replaced_are_found(kept, capsys, sql, first_bad):
    kept.tamper("ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_seq_check")
    kept.tamper(sql)
    assert verify(kept.url) == 1
    assert f"org_demo/test: TAMPERED at seq {first_bad}: " in capsys.readouterr().out


def test_a_chain_cannot_vanish_from_the_entries_and_the_heads_alone(kept, capsys):
    kept.tamper("DELETE FROM ledger_entries")
    kept.tamper("DELETE FROM chain_heads")
    assert verify(kept.url) == 1
    assert "TAMPERED at seq 1" in capsys.readouterr().out


def test_erasing_personal_values_is_allowed_and_counted(kept, capsys):
    kept.execute("DELETE FROM personal_values WHERE seq = 1")
    assert verify(kept.url) == 0
    assert "2 personal values, 2 erased" in capsys.readouterr().out


@pytest.mark.parametrize(
    "sql", ["UPDATE ledger_entries SET kind = 'x'", "DELETE FROM ledger_entries", "TRUNCATE ledger_entries"]
)
def test_the_app_cannot_change_what_it_sealed(kept, sql):
    with pytest.raises(asyncpg.PostgresError):
        kept.execute(sql)
    assert verify(kept.url) == 0


def test_a_ledger_rewritten_with_a_key_of_its_own_is_found_by_the_keys_kept_elsewhere(database, chain, build, tmp_path):
    stranger = Signer.from_private_bytes(b"\x07" * 32)
    database.keep(build(signer=stranger))
    key_file = tmp_path / "keys.json"
    key_file.write_text(json.dumps({"keys": [chain.signer.public_jwk()]}))
    assert verify(database.url) == 0
    assert verify(database.url, public_keys=str(key_file)) == 1
    key_file.write_text(json.dumps(stranger.public_jwk()))
    assert verify(database.url, public_keys=str(key_file)) == 0


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"keys": []}', '{"keys": 5}', '{"keys": "ab"}', "\x00"], ids=repr)
def test_a_key_file_that_cannot_be_used_exits_2(kept, tmp_path, content):
    key_file = tmp_path / "keys.json"
    key_file.write_text(content)
    assert verify(kept.url, public_keys=str(key_file)) == 2
    assert verify(kept.url, public_keys=str(tmp_path / "nowhere.json")) == 2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "http://localhost/",
        "postgresql://",
        "postgresql://nobody@127.0.0.1:1/nothing",
        "postgresql://nobody@localhost:port/",
        "postgresql://postgres@/postgres?host=/nowhere",
    ],
)
def test_a_database_that_cannot_be_reached_exits_2(url, capsys, monkeypatch):
    monkeypatch.setenv("PGHOST", "/nowhere")
    assert verify(url) == 2
    assert export(url, "ndjson", io.BytesIO()) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_a_database_that_is_not_axirus_exits_2(migrated_url, capsys):
    assert verify(migrated_url.replace("/migrated", "/postgres")) == 2
    assert "tables cannot be read: relation" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["ndjson", "csv"])
def test_an_export_holds_every_entry_in_order(kept, build, chain, format):
    kept.keep(build("org_other", "live"))
    out = io.BytesIO()
    assert export(kept.url, format, out) == 0
    text = out.getvalue().decode()
    ledger_ids = [entry.ledger_id for built in (chain, build("org_other", "live")) for entry in built.entries]
    positions = [text.index(ledger_id) for ledger_id in ledger_ids]
    assert positions == sorted(positions)


def test_an_export_can_be_of_one_organization(kept, build):
    kept.keep(build("org_other", "live"))
    out = io.BytesIO()
    assert export(kept.url, "ndjson", out, "org_other") == 0
    assert {json.loads(line)["organization_id"] for line in out.getvalue().splitlines()} == {"org_other"}
    assert export(kept.url, "ndjson", out, "org_nobody") == 2


def test_an_export_stops_at_a_body_that_is_none_any_more(kept, capsys):
    kept.tamper(f"UPDATE ledger_entries SET body = '{{}}' {ROW}")  # noqa: S608
    out = io.BytesIO()
    assert export(kept.url, "ndjson", out) == 1
    assert len(out.getvalue().splitlines()) == 3
    assert "org_demo/test: cannot export seq 4" in capsys.readouterr().err
