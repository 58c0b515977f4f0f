"""The keys that Axiru publishes (RFC 7517), fetched when they are needed and believed no longer than they say."""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from axiru_verifier.compact_jws import ALGORITHM, strict_object
from axiru_verifier.errors import KeyNotFound, KeysUnavailable, TokenMalformed

LONGEST_AGE_SECONDS: Final = 3600
"""A set of keys is fetched again at least this often, whatever its answer said."""
UNSAID_AGE_SECONDS: Final = 300
SHORTEST_PAUSE_SECONDS: Final = 1
"""Neither a `max-age=0` nor a failed fetch has the keys asked for more often."""

_LARGEST_SET_BYTES: Final = 256 * 1024
_MAX_AGE: Final = re.compile(r'(?:^|[\s,])max-age="?(\d{1,9})"?(?=$|[\s,])', re.IGNORECASE)
_NOT_KEPT: Final = re.compile(r"(?:^|[\s,])(?:no-store|no-cache)(?=$|[\s,])", re.IGNORECASE)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Keys(Protocol):
    """Where the key of a `kid` is found."""

    def key(self, kid: str) -> ECKey:
        """Raises KeyNotFound, KeysUnavailable."""


class GivenKeys:
    """Keys that were handed over; they change with the program that names them."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        self._keys = usable_keys(jwks)

    def key(self, kid: str) -> ECKey:
        return _found(self._keys, kid)


@dataclass(frozen=True, slots=True)
class _Held:
    keys: dict[str, ECKey]
    fetched_at: float
    fresh_until: float

    def fresh(self, now: float) -> bool:
        # A clock that was set back makes nothing fresh.
        return self.fetched_at <= now < self.fresh_until


class PublishedKeys:
    """The set at a URL. Any number of threads cause one fetch, and a token of a known key never waits for another's.

    A set is used until its `max-age` is over; then a new one is needed, and without it nothing is verified. A `kid`
    that is not in it has it fetched before its time, once in `cooldown_seconds`.
    """

    def __init__(self, url: str, *, cooldown_seconds: float, timeout_seconds: float, now: Callable[[], float]) -> None:
        self._url = secure_url(url)
        self._cooldown_seconds = cooldown_seconds
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._lock = threading.Lock()
        self._held = _Held({}, float("-inf"), float("-inf"))
        self._failed_at = self._looked_again_at = float("-inf")

    def key(self, kid: str) -> ECKey:
        held = self._held
        if held.fresh(self._now()) and kid in held.keys:
            return held.keys[kid]
        with self._lock:
            now = self._now()
            if not self._held.fresh(now):
                self._fetch(now)
            elif kid not in self._held.keys and not 0 <= now - self._looked_again_at < self._cooldown_seconds:
                self._looked_again_at = now
                self._fetch(now)
            return _found(self._held.keys, kid)

    def _fetch(self, now: float) -> None:
        if 0 <= now - self._failed_at < SHORTEST_PAUSE_SECONDS:
            raise KeysUnavailable(f"The keys could not be fetched from {self._url} a moment ago.")
        try:
            headers, raw = self._get()
            keys = usable_keys(strict_object(raw))
        except (httpx.HTTPError, KeysUnavailable, TokenMalformed) as error:
            self._failed_at = self._now()
            raise KeysUnavailable(f"The keys cannot be fetched from {self._url}: {error}") from error
        seconds = fresh_seconds(headers.get("cache-control", ""), headers.get("age", ""))
        self._held = _Held(keys, now, now + seconds)

    def _get(self) -> tuple[httpx.Headers, bytes]:
        deadline = time.monotonic() + self._timeout_seconds
        # A cache in between would answer an unknown `kid` with the set that does not have it.
        asked = {"accept": "application/jwk-set+json, application/json", "cache-control": "no-cache"}
        raw = bytearray()
        with httpx.stream("GET", self._url, headers=asked, timeout=self._timeout_seconds) as answer:
            if answer.status_code != 200:
                raise KeysUnavailable(f"the answer's status is {answer.status_code}")
            for chunk in answer.iter_bytes():
                raw += chunk
                if len(raw) > _LARGEST_SET_BYTES or time.monotonic() > deadline:
                    raise KeysUnavailable("the answer is too long")
            return answer.headers, bytes(raw)


def usable_keys(jwks: Mapping[str, Any]) -> dict[str, ECKey]:
    """The keys of a set that can have signed a token, by `kid`; others are passed over (RFC 7517 §5).

    Raises KeysUnavailable for what is no set, or has a broken key, or two of one `kid`.
    """
    listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(listed, list) or not all(isinstance(jwk, dict) for jwk in listed):
        raise KeysUnavailable("This is no JWK set.")
    keys: dict[str, ECKey] = {}
    for jwk in filter(_can_have_signed, listed):
        kid = jwk["kid"]
        try:
            key = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
            key.public_key  # noqa: B018 - reading it is what checks that the point is on the curve
        except (JoseError, KeyError, ValueError, TypeError) as error:
            raise KeysUnavailable(f"The key {kid} is broken.") from error
        if kid in keys:
            raise KeysUnavailable(f"Two keys go by {kid}.")
        keys[kid] = key
    return keys


def fresh_seconds(cache_control: str, age: str) -> float:
    """For how long an answer may be used (RFC 9111 §4.2), between a second and an hour."""
    if _NOT_KEPT.search(cache_control):
        return SHORTEST_PAUSE_SECONDS
    said = _MAX_AGE.search(cache_control)
    seconds = int(said[1]) if said else UNSAID_AGE_SECONDS
    spent = int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0
    return min(max(seconds - spent, SHORTEST_PAUSE_SECONDS), LONGEST_AGE_SECONDS)


def secure_url(url: str) -> str:
    """Raises ValueError for an address that somebody on the way could answer for."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise ValueError(f"{url} is not https; http is taken for this machine alone.")


def _can_have_signed(jwk: dict[str, Any]) -> bool:
    operations = jwk.get("key_ops")
    return (
        (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256")
        and jwk.get("alg", ALGORITHM) == ALGORITHM
        and jwk.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and isinstance(jwk.get("kid"), str)
    )


def _found(keys: dict[str, ECKey], kid: str) -> ECKey:
    key = keys.get(kid)
    if key is None:
        raise KeyNotFound(f"No published key goes by the kid {kid[:100]!r}.")
    return key
