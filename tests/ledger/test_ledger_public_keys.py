"""The keys that are kept elsewhere: printed in the form that `verify` reads."""

import json

from ledger.public_keys import print_public_keys
from ledger.verify_command import verify


def test_printed_keys_verify_the_chain_they_signed(database, chain, tmp_path, capsys):
    database.keep(chain)
    assert print_public_keys(database.url) == 0
    printed = capsys.readouterr().out
    assert [key["crv"] for key in json.loads(printed)["keys"]] == ["Ed25519"]
    kept_elsewhere = tmp_path / "keys.json"
    kept_elsewhere.write_text(printed)
    assert verify(database.url, public_keys=str(kept_elsewhere)) == 0
    assert "were taken from this database" not in capsys.readouterr().out


def test_a_database_that_is_not_there_is_said_so(capsys):
    assert print_public_keys("postgresql://nobody@127.0.0.1:1/none") == 2
    assert "cannot be reached" in capsys.readouterr().err
