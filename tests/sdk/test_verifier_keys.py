"""Published keys: fetched when needed, once for all who wait, and believed no longer than they say."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from axiru_verifier import KeyNotFound, KeysUnavailable, SignatureInvalid, Verifier
from joserfc import jwt
from joserfc.jwk import ECKey

ISSUER, AUDIENCE = "https://api.axiru.example", "org_1"
FINGERPRINT = "a" * 64
JWKS = "/axiru-jwks.json"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Signer:
    """A key as Axiru has them, and tokens under it."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256")
        self.kid = self._key.thumbprint()

    @property
    def jwk(self) -> dict[str, Any]:
        return {**self._key.as_dict(private=False), "kid": self.kid, "use": "sig", "alg": "ES256"}

    def token(self, clock: Clock, *, kid: str | None = None) -> str:
        now = int(clock.now)
        claims = {
            **{"jti": "jti_1", "iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 300, "sub": "a"},
            **{"ovt_fingerprint": FINGERPRINT, "rail": "stripe_daa", "rail_action": "agent_payment"},
            **{"amount_cents": 1, "currency": "usd", "decision_id": "ed_1", "mode": "test"},
        }
        header = {"alg": "ES256", "kid": kid or self.kid, "typ": "axiru-authz+jwt"}
        return jwt.encode(header, claims, self._key, algorithms=["ES256"])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signer() -> Signer:
    return Signer()


@pytest.fixture
def publish(axiru: Any, scripted: Any) -> Callable[..., None]:
    def publish(*signers: Signer, cache_control: str = "max-age=300", **answer: Any) -> None:
        headers = {"cache-control": cache_control} | answer.pop("headers", {})
        axiru.says(JWKS, scripted(**{"body": {"keys": [one.jwk for one in signers]}, "headers": headers} | answer))

    return publish


@pytest.fixture
def verified(axiru: Any, clock: Clock) -> Callable[[str], str]:
    verifier = Verifier(
        issuer=ISSUER,
        audience=AUDIENCE,
        jwks_url=axiru.url + JWKS,
        now=clock,
        refresh_cooldown_seconds=10,
        timeout_seconds=1,
    )
    return lambda token: verifier.verify(token, fingerprint=FINGERPRINT).jti


def test_keys_are_fetched_once_and_again_when_their_time_is_over(
    axiru: Any, clock: Clock, signer: Signer, publish: Any, verified: Any
) -> None:
    publish(signer, cache_control="public, max-age=60")
    for seconds in (0, 30, 29.9):
        clock.now += seconds
        verified(signer.token(clock))
    assert len(axiru.asked) == 1
    clock.now += 0.1
    verified(signer.token(clock))
    assert len(axiru.asked) == 2


def test_unknown_kid_has_the_keys_fetched_before_their_time_once_in_a_cooldown(
    axiru: Any, clock: Clock, signer: Signer, publish: Any, verified: Any
) -> None:
    later, latest = Signer(), Signer()
    publish(signer)
    verified(signer.token(clock))
    publish(signer, later)
    assert verified(later.token(clock)) == "jti_1"
    publish(signer, later, latest)
    for _ in range(20):
        with pytest.raises(KeyNotFound):
            verified(latest.token(clock))
    assert verified(signer.token(clock)) == "jti_1"
    assert len(axiru.asked) == 2
    clock.now += 10
    assert verified(latest.token(clock)) == "jti_1"
    assert len(axiru.asked) == 3
    no_cache = {name.lower(): value for name, value in axiru.headers[-1].items()}["cache-control"]
    assert no_cache == "no-cache", "a cache in between would answer with the set that does not have it"


def test_a_key_that_is_taken_back_is_believed_until_the_answer_is_over(
    clock: Clock, signer: Signer, publish: Any, verified: Any
) -> None:
    publish(signer, cache_control="max-age=300")
    verified(signer.token(clock))
    publish(Signer())
    clock.now += 299
    verified(signer.token(clock))
    clock.now += 1
    with pytest.raises(KeyNotFound):
        verified(signer.token(clock))


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500},
        {"status": 404},
        {"status": 302, "headers": {"location": "/elsewhere"}},
        {"body": b"<html>"},
        {"body": {"keys": "none"}},
        {"body": b'{"keys":[],"keys":[]}'},
        {"body": {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "x": "AA", "y": "AA"}]}},
        {"body": b'{"keys":[]' + b" " * 300_000 + b"}"},
        {"drops": True},
        {"hangs": 1.5},
    ],
)
def test_keys_that_cannot_be_fetched_are_no_keys(
    answer: dict[str, Any], axiru: Any, clock: Clock, signer: Signer, publish: Any, verified: Any
) -> None:
    publish(signer)
    verified(signer.token(clock))
    publish(signer, **answer)
    # Those that are known stay good for their time, and no longer.
    with pytest.raises(KeysUnavailable):
        verified(Signer().token(clock))
    assert verified(signer.token(clock)) == "jti_1"
    clock.now += 300
    with pytest.raises(KeysUnavailable):
        verified(signer.token(clock))
    asked = len(axiru.asked)
    with pytest.raises(KeysUnavailable):
        verified(signer.token(clock))
    assert len(axiru.asked) == asked, "asked again within a second"
    publish(signer)
    clock.now += 1
    assert verified(signer.token(clock)) == "jti_1"


def test_two_keys_of_one_kid_are_no_set(clock: Clock, signer: Signer, publish: Any, verified: Any) -> None:
    publish(signer, signer)
    with pytest.raises(KeysUnavailable):
        verified(signer.token(clock))


def test_a_key_says_nothing_under_the_kid_of_another(clock: Clock, signer: Signer, publish: Any, verified: Any) -> None:
    other = Signer()
    publish(signer, other)
    with pytest.raises(SignatureInvalid):
        verified(signer.token(clock, kid=other.kid))


def test_a_clock_that_is_set_back_makes_nothing_fresh(
    axiru: Any, clock: Clock, signer: Signer, publish: Any, verified: Any
) -> None:
    publish(signer)
    verified(signer.token(clock))
    clock.now -= 3600
    verified(signer.token(clock))
    assert len(axiru.asked) == 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"cache-control": "max-age=0"}, 1),
        ({"cache-control": "no-store"}, 1),
        ({"cache-control": "no-cache, max-age=600"}, 1),
        ({"cache-control": "max-age=600", "age": "590"}, 10),
        ({"cache-control": "max-age=600", "age": "9999"}, 1),
        ({"cache-control": "max-age=999999999"}, 3600),
        ({"cache-control": "MAX-AGE=60"}, 60),
        ({"cache-control": "s-maxage=5, max-age=60"}, 60),
        ({"cache-control": "max-age=-1"}, 300),
        ({"cache-control": ""}, 300),
    ],
)
def test_an_answer_is_believed_for_as_long_as_it_says(
    headers: dict[str, str], seconds: int, axiru: Any, clock: Clock, signer: Signer, publish: Any, verified: Any
) -> None:
    publish(signer, headers=headers)
    verified(signer.token(clock))
    clock.now += seconds - 0.5
    verified(signer.token(clock))
    assert len(axiru.asked) == 1
    clock.now += 0.5
    verified(signer.token(clock))
    assert len(axiru.asked) == 2


def test_any_number_of_threads_cause_one_fetch(
    axiru: Any, clock: Clock, signer: Signer, publish: Any, verified: Any
) -> None:
    publish(signer, hangs=0.2)
    token = signer.token(clock)
    with ThreadPoolExecutor(32) as threads:
        assert list(threads.map(lambda _: verified(token), range(64))) == ["jti_1"] * 64
    assert len(axiru.asked) == 1


def test_token_of_a_known_key_does_not_wait_for_another_kid(
    clock: Clock, signer: Signer, publish: Any, verified: Any, axiru: Any
) -> None:
    publish(signer)
    verified(signer.token(clock))
    publish(signer, hangs=0.8)
    with ThreadPoolExecutor() as threads:
        stranger = threads.submit(verified, Signer().token(clock))
        deadline = time.monotonic() + 5
        while len(axiru.asked) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert verified(signer.token(clock)) == "jti_1"
        assert not stranger.done()
        with pytest.raises(KeyNotFound):
            stranger.result()
