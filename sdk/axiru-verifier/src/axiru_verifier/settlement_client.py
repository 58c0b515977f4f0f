"""What settling code tells Axiru: that it uses a token, and what came of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self
from urllib.parse import quote

import httpx

from axiru_verifier.errors import AnswerLost, RequestRefused, TokenNotUsable
from axiru_verifier.published_keys import secure_url

_FIRST_PAUSE_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUse:
    """A token that was used, and the entry of the ledger that holds it."""

    jti: str
    decision_id: str
    at: str
    ledger_id: str


class SettlementClient:
    """Consumes tokens and reports settlements with an API key of the scope `authorizations:write`.

    Threads may share it.
    """

    def __init__(
        self,
        api_url: str,
        api_key: str,
        *,
        attempts: int = 3,
        timeout_seconds: float = 10,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`api_url` is the API's address, without a path. Raises ValueError."""
        if not api_key or attempts < 1 or timeout_seconds <= 0:
            raise ValueError("api_key has to be named, attempts and timeout_seconds more than 0.")
        self._attempts = attempts
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=secure_url(api_url), headers={"authorization": f"Bearer {api_key}"}, timeout=timeout_seconds
        )

    def consume(self, jti: str) -> TokenUse:
        """Use a token. Settle after this returned, once, and never otherwise.

        Of all that ask for one decision, one is answered. Where no answer came it is asked again, and an answer then is
        as good. TokenNotUsable: it was not you, or it may not be used any more. AnswerLost: it may have been you, and
        nobody can tell: somebody else may be settling, so do not, and let a person look at the decision. Raises
        RequestRefused for everything else.
        """
        return self._report(jti, "consume", None)

    def settled(self, jti: str, *, amount_units: str | None = None) -> TokenUse:
        """The payment was made: all of it, or `amount_units` in the asset's smallest unit. Repeating changes nothing.

        Raises AnswerLost, RequestRefused, TokenNotUsable where it was never consumed or said to have ended otherwise.
        """
        return self._settlement(jti, "settled", amount_units)

    def failed(self, jti: str) -> TokenUse:
        """The payment was not made and will not be, so its budget is free again: say so only when you know.

        Raises as `settled`.
        """
        return self._settlement(jti, "failed", None)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _settlement(self, jti: str, settlement: Literal["settled", "failed"], amount_units: str | None) -> TokenUse:
        body = {"settlement": settlement} | ({} if amount_units is None else {"amount_units": amount_units})
        return self._report(jti, "settlement", body)

    def _report(self, jti: str, act: str, body: Mapping[str, str] | None) -> TokenUse:
        """Ask until there is an answer. Its loss in an earlier attempt makes a later `consumed` ambiguous."""
        lost, reason = False, ""
        pause = _FIRST_PAUSE_SECONDS
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(pause)
                pause *= 2
            try:
                answer = self._http.post(f"/api/v1/authorizations/{quote(jti, safe='')}/{act}", json=body)
            except httpx.HTTPError as error:
                lost, reason = True, f"{type(error).__name__}: {error}"
                continue
            if answer.status_code == 429:
                pause = max(pause, _retry_after_seconds(answer))
                reason = "429 rate_limited"
                continue
            if answer.status_code >= 500 or (said := _object(answer)) is None:
                lost, reason = True, f"status {answer.status_code}"
                continue
            if answer.status_code == 200:
                return _use(said, jti)
            if lost and act == "consume" and said.get("state") == "consumed":
                raise AnswerLost(f"Consumed, perhaps by this call, whose answer was lost ({reason}): do not settle.")
            raise _refusal(answer.status_code, said)
        raise AnswerLost(f"Axiru gave no answer to rely on ({reason}).")


def _use(said: dict[str, Any], jti: str) -> TokenUse:
    try:
        use = TokenUse(
            jti=said["jti"], decision_id=said["decision_id"], at=said["at"], ledger_id=said["audit"]["ledger_id"]
        )
    except (KeyError, TypeError) as error:
        raise AnswerLost("What answered is not Axiru: do not settle.") from error
    if use.jti != jti:
        raise AnswerLost("What answered spoke of another token: do not settle.")
    return use


def _refusal(status: int, said: dict[str, Any]) -> RequestRefused:
    refusal = TokenNotUsable if status == 409 else RequestRefused
    return refusal(str(said.get("message")), status=status, error=str(said.get("error")), state=said.get("state"))


def _object(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        said = answer.json()
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _retry_after_seconds(answer: httpx.Response) -> float:
    said = answer.headers.get("retry-after", "")
    return min(float(said), 10) if said.isascii() and said.isdigit() else 0
