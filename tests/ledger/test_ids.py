"""Ids sort by time; secrets are kept as hashes only."""

import hashlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axiru import ids

moments = st.integers(0, 2**48 - 1)


@given(one=moments, other=moments)
def test_ids_sort_as_their_times_do(one, other):
    if one != other:
        first, second = (ids.new_id(ids.DECISION, unix_milliseconds=moment) for moment in sorted((one, other)))
        assert first < second


@pytest.mark.parametrize(
    "prefix", [ids.DECISION, ids.APPROVAL, ids.VOTE, ids.CONTROL, ids.API_KEY, ids.MEMBER, ids.REQUEST]
)
def test_an_id_is_its_prefix_and_26_characters_of_crockford_base32(prefix):
    assert re.fullmatch(f"{prefix}[0-7][0-9a-hjkmnp-tv-z]{{25}}", ids.new_id(prefix))


def test_an_id_made_now_lies_between_ids_of_before_and_after():
    now = time.time_ns() // 1_000_000
    before, after = (ids.new_id("x_", unix_milliseconds=now + offset) for offset in (-1_000, 60_000))
    assert before < ids.new_id("x_") < after


def test_ids_of_one_millisecond_differ():
    assert len({ids.new_id("x_", unix_milliseconds=5) for _ in range(2_000)}) == 2_000


@pytest.mark.parametrize("moment", [-1, 2**48])
def test_a_time_that_does_not_fit_is_refused(moment):
    with pytest.raises(ValueError, match="48 bits"):
        ids.new_id("x_", unix_milliseconds=moment)


@pytest.mark.parametrize("mode", ["test", "live"])
def test_an_api_key_says_its_mode_and_has_160_random_bits(mode):
    secret, secret_hash = ids.new_api_key(mode)
    assert re.fullmatch(f"ak_{mode}_[0-9a-hjkmnp-tv-z]{{32}}", secret)
    assert secret_hash == hashlib.sha256(secret.encode()).hexdigest() == ids.hash_secret(secret)


def test_a_session_token_is_found_by_its_hash():
    token, token_hash = ids.new_session_token()
    assert token.startswith("st_")
    assert ids.hash_secret(token) == token_hash


@given(st.text())
def test_whatever_is_sent_as_a_secret_can_be_looked_up(text):
    assert len(ids.hash_secret(text)) == 64
