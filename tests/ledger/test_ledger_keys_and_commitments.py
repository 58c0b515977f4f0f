"""Signing keys and their published form; commitments to personal values."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commitment import SALT_BYTES, commit, commitments, verify_commitment
from ledger.entry import BodyNotCanonical
from ledger.signing import (
    Signer,
    SigningKeyInvalid,
    key_id,
    public_jwk,
    public_key_from_jwk,
    public_keys_from_jwks,
    signature_holds,
)

# RFC 8037, appendix A.
RFC_8037_D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
RFC_8037_X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC_8037_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

SIGNER = Signer.from_private_bytes(base64.urlsafe_b64decode(RFC_8037_D + "="))
SALT = bytes(range(32))

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_a_key_is_named_by_the_thumbprint_of_rfc_8037():
    assert SIGNER.public_jwk()["x"] == RFC_8037_X
    assert SIGNER.key_id == RFC_8037_THUMBPRINT


def test_a_signer_comes_back_from_its_private_bytes():
    generated = Signer.generate()
    again = Signer.from_private_bytes(generated.private_bytes())
    assert again.key_id == generated.key_id
    assert signature_holds(generated.public_key, again.sign(SALT), SALT)


def test_a_public_key_survives_its_jwk():
    jwk = public_jwk(SIGNER.public_key)
    assert key_id(public_key_from_jwk(jwk)) == SIGNER.key_id
    assert list(public_keys_from_jwks([jwk])) == [SIGNER.key_id]


def test_a_jwk_holds_no_private_part():
    assert "d" not in SIGNER.public_jwk()


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "EC"},
        {"crv": "X25519"},
        {"x": None},
        {"x": 5},
        {"x": ""},
        {"x": RFC_8037_X + "="},
        {"x": RFC_8037_X[:-1] + "p"},  # the same 32 bytes, with a spare bit set
        {"x": RFC_8037_X[:-2]},
        {"x": RFC_8037_X + "AAAA"},
        {"x": "ä" * 43},
        {"x": RFC_8037_X.replace("_", "/")},
        {"kid": "somebody-else"},
        {"kid": None},
    ],
    ids=str,
)
def test_a_jwk_that_is_not_exactly_the_key_it_names_is_refused(changes):
    with pytest.raises(SigningKeyInvalid):
        public_key_from_jwk({**SIGNER.public_jwk(), **changes})


@pytest.mark.parametrize("jwk", [None, [], "jwk", 5, float("nan")], ids=str)
def test_what_is_no_object_is_no_jwk(jwk):
    with pytest.raises(SigningKeyInvalid):
        public_key_from_jwk(jwk)


@given(bit=st.integers(0, 64 * 8 - 1))
def test_a_signature_with_any_bit_flipped_does_not_hold(bit):
    signature = bytearray(SIGNER.sign(SALT))
    signature[bit // 8] ^= 1 << bit % 8
    assert not signature_holds(SIGNER.public_key, bytes(signature), SALT)


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)], ids=len)
def test_what_is_no_signature_does_not_hold(signature):
    assert not signature_holds(SIGNER.public_key, signature, SALT)


@given(value=json_values, salt=st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES))
def test_a_value_fits_its_own_commitment(value, salt):
    assert verify_commitment(commit(salt, value), salt, value)


@given(value=json_values, bit=st.integers(0, SALT_BYTES * 8 - 1))
def test_a_value_does_not_fit_under_another_salt(value, bit):
    salt = bytearray(SALT)
    salt[bit // 8] ^= 1 << bit % 8
    assert not verify_commitment(commit(SALT, value), bytes(salt), value)


@pytest.mark.parametrize(("value", "other"), [("1", 1), (0, False), (None, ""), ([], {}), ("a", "A"), (["a"], "a")])
def test_another_value_does_not_fit(value, other):
    assert not verify_commitment(commit(SALT, value), SALT, other)


def test_the_same_value_under_two_salts_cannot_be_linked():
    assert commit(SALT, "cus_1") != commit(bytes(32), "cus_1")


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)], ids=len)
def test_a_salt_of_another_length_is_refused(salt):
    with pytest.raises(ValueError, match="32 random bytes"):
        commit(salt, "cus_1")
    assert not verify_commitment(commit(SALT, "cus_1"), salt, "cus_1")


def test_a_value_without_a_canonical_form_cannot_be_committed_to_and_never_fits():
    with pytest.raises(BodyNotCanonical):
        commit(SALT, float("nan"))
    assert not verify_commitment(commit(SALT, 1), SALT, float("nan"))


@pytest.mark.parametrize("data", [{}, {"personal": None}, {"personal": ["path"]}, {"personal": {"path": 5}}], ids=str)
def test_data_without_commitments_has_none(data):
    assert commitments(data) == {}
