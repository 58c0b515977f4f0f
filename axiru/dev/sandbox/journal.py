"""The requests that came in, for tests that ask how often and with what Stripe was called."""

from collections import deque

import msgspec

from axiru.dev.sandbox.forms import Value

KEPT_REQUESTS = 10_000


class ReceivedRequest(msgspec.Struct):
    """One request under `/v1`, logged on arrival; `status` is None until it is answered, and when it never is."""

    request_id: str
    received_at: float
    method: str
    path: str
    account: str | None = None
    idempotency_key: str | None = None
    params: dict[str, Value] = {}
    fault: str | None = None
    status: int | None = None
    replayed: bool = False


class Journal:
    """The last requests of this process, oldest first."""

    def __init__(self) -> None:
        self._requests: deque[ReceivedRequest] = deque(maxlen=KEPT_REQUESTS)

    def append(self, request: ReceivedRequest) -> None:
        self._requests.append(request)

    def matching(self, *, method: str | None, path: str | None) -> list[ReceivedRequest]:
        return [
            request
            for request in self._requests
            if (method is None or request.method == method.upper()) and (path is None or request.path == path)
        ]

    def clear(self) -> None:
        self._requests.clear()
