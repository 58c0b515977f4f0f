"""The vault opens exactly what it sealed, and does not start with a key it should not trust."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axiru.errors import AxiruError, ConfigurationInvalid
from axiru.settings import Settings
from axiru.vault import Vault, VaultKeyUnknown, VaultSealBroken, master_key_id

KEY = bytes(range(32))
KEY_TEXT = base64.b64encode(KEY).decode()
VAULT = Vault({"first": KEY}, "first")
SEALED = VAULT.seal(b"sk_test_secret", context=b"stripe_connections/one")


@given(plaintext=st.binary(max_size=200), context=st.binary(max_size=50))
def test_what_was_sealed_opens_in_its_context(plaintext, context):
    assert VAULT.open(VAULT.seal(plaintext, context=context), context=context) == plaintext


@pytest.mark.parametrize("bit", range(len(SEALED) * 8))
def test_any_flipped_bit_is_refused(bit):
    blob = bytearray(SEALED)
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises((VaultSealBroken, VaultKeyUnknown)):
        VAULT.open(bytes(blob), context=b"stripe_connections/one")


@pytest.mark.parametrize("length", range(len(SEALED)))
def test_a_blob_cut_short_is_refused(length):
    with pytest.raises((VaultSealBroken, VaultKeyUnknown)):
        VAULT.open(SEALED[:length], context=b"stripe_connections/one")


@pytest.mark.parametrize("context", [b"", b"stripe_connections/two", b"stripe_connections/one "], ids=repr)
def test_a_blob_moved_to_another_place_is_refused(context):
    with pytest.raises(VaultSealBroken):
        VAULT.open(SEALED, context=context)


def test_sealing_twice_shows_nothing_in_common():
    assert VAULT.seal(b"secret", context=b"") != VAULT.seal(b"secret", context=b"")
    assert b"sk_test" not in SEALED


def test_an_old_key_still_opens_after_the_current_one_changed():
    rotated = Vault({"first": KEY, "second": bytes(32)}, "second")
    assert rotated.open(SEALED, context=b"stripe_connections/one") == b"sk_test_secret"
    with pytest.raises(VaultKeyUnknown):
        VAULT.open(rotated.seal(b"new", context=b""), context=b"")


def test_the_same_key_under_another_name_does_not_open():
    blob = SEALED.replace(b"first", b"other")
    with pytest.raises(VaultSealBroken):
        Vault({"other": KEY}, "other").open(blob, context=b"stripe_connections/one")


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(31), bytes(33)], ids=len)
def test_a_master_key_of_another_length_is_refused(key):
    with pytest.raises(ConfigurationInvalid, match="needs 32"):
        Vault({"key": key}, "key")
    with pytest.raises(ConfigurationInvalid, match="needs 32" if key else "no master key"):
        Vault.from_settings(Settings(vault_key=base64.b64encode(key).decode()))


def test_a_current_key_that_is_not_there_is_refused():
    with pytest.raises(ConfigurationInvalid):
        Vault({"first": KEY}, "second")


def test_no_master_key_is_a_refusal_to_start_that_names_both_settings():
    with pytest.raises(ConfigurationInvalid, match=r"AXIRU_VAULT_KEY .*AXIRU_VAULT_KEY_FILE"):
        Vault.from_settings(Settings())


def test_two_master_keys_are_a_refusal_to_start(tmp_path):
    with pytest.raises(ConfigurationInvalid, match="not both"):
        Vault.from_settings(Settings(vault_key=KEY_TEXT, vault_key_file=str(tmp_path / "key")))


@pytest.mark.parametrize("text", ["not base64!", KEY_TEXT[:-1], "ä" * 44], ids=repr)
def test_a_key_that_is_not_base64_is_refused_without_being_shown(text):
    with pytest.raises(ConfigurationInvalid) as refusal:
        Vault.from_settings(Settings(vault_key=text))
    assert text not in str(refusal.value)


def key_file(tmp_path, mode, text=KEY_TEXT + "\n"):
    path = tmp_path / "vault.key"
    path.write_text(text)
    path.chmod(mode)
    return Settings(vault_key_file=str(path))


@pytest.mark.parametrize("mode", [0o600, 0o400], ids=oct)
def test_a_key_file_of_ones_own_is_used(tmp_path, mode):
    vault = Vault.from_settings(key_file(tmp_path, mode))
    assert Vault.from_settings(Settings(vault_key=KEY_TEXT)).open(vault.seal(b"x", context=b"c"), context=b"c") == b"x"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777], ids=oct)
def test_a_key_file_others_can_reach_is_refused(tmp_path, mode):
    with pytest.raises(ConfigurationInvalid, match="chmod 600"):
        Vault.from_settings(key_file(tmp_path, mode))


@pytest.mark.parametrize("text", ["", "x" * 44, base64.b64encode(bytes(16)).decode(), "\x00\xff"], ids=repr)
def test_a_key_file_without_a_key_is_refused(tmp_path, text):
    with pytest.raises(ConfigurationInvalid):
        Vault.from_settings(key_file(tmp_path, 0o600, text))


def test_a_key_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationInvalid, match="cannot be read"):
        Vault.from_settings(Settings(vault_key_file=os.fspath(tmp_path / "nowhere")))


def test_a_key_id_says_nothing_of_its_key():
    assert master_key_id(KEY) not in KEY.hex()
    assert master_key_id(KEY) != master_key_id(bytes(32))


def test_refusals_are_errors_of_the_domain():
    assert issubclass(VaultSealBroken, AxiruError)
    assert VaultSealBroken.code == "vault_seal_broken"
