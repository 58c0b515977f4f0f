"""Stripe's own verdict on a request: stripe-mock checks it against Stripe's API description."""

import httpx

from axiru.dev.sandbox.answers import Answer
from axiru.dev.sandbox.forms import FORM
from axiru.dev.sandbox.refusals import StripeRefusal, internal_error

_FORWARDED_HEADERS = ("content-type", "stripe-version", "idempotency-key")
_KEY = "sk_test_123"


class RequestSchema:
    """A client of one running stripe-mock. https://github.com/stripe/stripe-mock"""

    def __init__(self, stripe_mock_url: str) -> None:
        # A connection that cannot be made is tried again, so that a restart of stripe-mock goes unnoticed.
        transport = httpx.AsyncHTTPTransport(retries=3)
        self._client = httpx.AsyncClient(base_url=stripe_mock_url, transport=transport, timeout=5, auth=(_KEY, ""))

    async def check(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer | None:
        """stripe-mock's refusal of the request, None when the request fits the description.

        Raises StripeRefusal 500 when stripe-mock cannot be asked: what was not checked must not execute.
        """
        forwarded = {name: headers[name] for name in _FORWARDED_HEADERS if name in headers}
        if method == "POST" and not body:
            # Stripe takes a POST without a body and its type; stripe-mock wants the type.
            forwarded["content-type"] = FORM
        try:
            response = await self._client.request(method, target, content=body or None, headers=forwarded)
        except httpx.HTTPError as error:
            unreachable: StripeRefusal = internal_error()
            unreachable.message = f"stripe-mock, which checks every request, does not answer: {error!r}"
            raise unreachable from error
        if response.is_client_error:
            return Answer(status=response.status_code, body=response.content)
        return None

    async def close(self) -> None:
        await self._client.aclose()
