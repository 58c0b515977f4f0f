"""Authorizations at a steady rate; each token is verified, from first to last, by one who keeps the key set."""

import asyncio
import base64
import time
import uuid
from collections import Counter
from typing import Any

import httpx
import msgspec
from axiru_verifier import SignatureInvalid, VerificationError, Verifier

_UNDER_WAY = 16
_AGAIN_SECONDS = 5.0
_BEFORE_THE_END_SECONDS = 0.2


class Outcome(msgspec.Struct, frozen=True):
    """`failures` says what went wrong how often; `key_ids` are those that signed, by how many tokens.

    `refused` are tokens with the signature of another one, shown each time that a token was verified.
    """

    tokens: int
    verified: int
    refused: int
    failures: Counter[str]
    key_ids: Counter[str]


class Keeper:
    """What settling code installs, over keys that are asked for no sooner than they have to be: one it has not met is
    a failure.
    """

    def __init__(self, http: httpx.AsyncClient, audience: str, kept_seconds: float) -> None:
        self._http = http
        self._audience = audience
        self._kept_seconds = kept_seconds
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")

    async def verifier(self) -> Verifier:
        """With the keys in hand."""
        async with self._asking:
            if time.monotonic() > self._asked_at + self._kept_seconds:
                self._asked_at = time.monotonic()
                answer = await self._http.get("/axiru-jwks.json")
                self._verifier = Verifier(
                    issuer=str(self._http.base_url).rstrip("/"),
                    audience=self._audience,
                    keys=answer.raise_for_status().json(),
                )
            return self._verifier


class _Load:
    def __init__(self, http: httpx.AsyncClient, audience: str, kept_seconds: float) -> None:
        self._http = http
        self._keeper = Keeper(http, audience, kept_seconds)
        self._places = asyncio.Semaphore(_UNDER_WAY)
        self._foreign = ""
        self.tokens = self.verified = self.refused = 0
        self.failures: Counter[str] = Counter()
        self.key_ids: Counter[str] = Counter()

    async def ask(self) -> None:
        body = _body()
        async with self._places:
            answer = await self._http.post("/api/v1/authorizations", json=body)
        told = answer.json()
        token = told.get("authorization_token")
        if answer.status_code != 200 or token is None:
            self.failures[f"{answer.status_code} {told.get('error', told.get('reason'))}"] += 1
            return
        self.tokens += 1
        header, claims, _ = token.split(".")
        self.key_ids[_read(header)["kid"]] += 1
        over_at = _read(claims)["exp"] - _BEFORE_THE_END_SECONDS
        await self._verify(token, body)
        while time.time() + _AGAIN_SECONDS < over_at:
            await asyncio.sleep(_AGAIN_SECONDS)
            await self._verify(token, body)
        await asyncio.sleep(max(0.0, over_at - time.time()))
        await self._verify(token, body)

    async def _verify(self, token: str, body: dict[str, Any]) -> None:
        verifier = await self._keeper.verifier()
        try:
            verifier.verify(token, ovt=body)
        except VerificationError as error:
            self.failures[f"not verified: {error.code}"] += 1
        else:
            self.verified += 1
        # One who takes everything would verify every token, too.
        signed, _, signature = token.rpartition(".")
        forged, self._foreign = f"{signed}.{self._foreign or 'A' * 86}", signature
        if forged == token:
            return
        try:
            verifier.verify(forged, ovt=body)
        except SignatureInvalid:
            self.refused += 1
        except VerificationError as error:
            self.failures[f"not refused for its signature: {error.code}"] += 1
        else:
            self.failures["a forged token was taken"] += 1


async def run(
    http: httpx.AsyncClient, *, audience: str, seconds: float, per_second: float, kept_seconds: float
) -> Outcome:
    """Ask `per_second` times a second for `seconds`, then wait until the last token is over."""
    load, began, asked = _Load(http, audience, kept_seconds), time.monotonic(), []
    for number in range(int(seconds * per_second)):
        await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
        asked.append(asyncio.create_task(load.ask()))
    await asyncio.gather(*asked)
    return Outcome(load.tokens, load.verified, load.refused, load.failures, load.key_ids)


def _read(part: str) -> dict[str, Any]:
    return msgspec.json.decode(base64.urlsafe_b64decode(part + "=="), type=dict[str, Any])


def _body() -> dict[str, Any]:
    key = uuid.uuid4().hex
    return {
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": 100,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": f"agent_{key}", "scopes": ["payments:write"]},
        "counterparty": {"stripe_account_id": "acct_1", "country": "US"},
        "idempotency_key": key,
    }
