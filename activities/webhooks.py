"""Webhooks out, by Standard Webhooks (https://www.standardwebhooks.com): every endpoint is told what it asked for.

`webhook-id` is the delivery's id and the same for every attempt. Any answer but 2xx is a failure and tried again; 410
Gone ends the endpoint. Redirects are not followed.
"""

import math
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

import httpx
from standardwebhooks import Webhook

from activities.target_address import Answered, Resolve, TargetUnreachable, checked_addresses, post, resolved
from activities.webhook_message import kept, message
from axiru.database import row, rows
from axiru.domain.delivery import ChannelName, Happening, Outgoing, Planned, Sent
from axiru.domain.webhook_events import event_of, subscribed
from axiru.domain.webhook_target import TargetRefused, parse_target
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.webhook_endpoint import disable_gone_endpoint, secret_context
from ledger.keys import load_signer

_GONE: Final = 410
_TOLD_WHEN_TO_COME_BACK: Final = frozenset({429, 503})


class KnownEndpoints(NamedTuple):
    """The endpoints of one chain as they were at `read_at`, by the database's clock."""

    read_at: datetime
    endpoints: Sequence[Mapping[str, Any]]


class WebhookChannel:
    """Tells the endpoints of an organization and mode."""

    name: ChannelName = "webhook"

    def __init__(
        self, settings: Settings, vault: Vault, *, resolve: Resolve = resolved, tls: ssl.SSLContext | None = None
    ) -> None:
        """`resolve` is the system's and `tls` trusts public authorities (or SSL_CERT_FILE), unless they are given."""
        self._insecure = settings.webhook_insecure_targets
        self._vault = vault
        self._resolve = resolve
        self._tls = tls or httpx.create_ssl_context()
        self._known: dict[tuple[str, str], KnownEndpoints] = {}

    async def plan(self, happening: Happening) -> list[Planned]:
        """One message to each endpoint that was there before it happened and asked to be told of it."""
        event = event_of(happening.topic, happening.payload)
        if event is None:
            return []
        endpoints = await self._endpoints(happening)
        body = kept(happening)
        return [
            Planned(target=endpoint["id"], event=event, body=body)
            for endpoint in endpoints
            if endpoint["created_at"] < happening.written_at and subscribed(endpoint["events"], event)
        ]

    async def _endpoints(self, happening: Happening) -> Sequence[Mapping[str, Any]]:
        """Those of its chain, read after it was sealed. What was sealed before the last reading needs no other.

        Endpoints are made and changed under the lock of the same chain, so a later reading says the same of it.
        """
        chain = (happening.organization_id, happening.mode)
        if chain not in self._known or self._known[chain].read_at <= happening.written_at:
            read = await row("SELECT statement_timestamp() AS at")
            found = await rows(
                "SELECT id, events, created_at FROM webhook_endpoints WHERE organization_id = {} AND mode = {} "
                "AND disabled_at IS NULL AND removed_at IS NULL ORDER BY id",
                *chain,
            )
            self._known[chain] = KnownEndpoints(read["at"] if read else happening.written_at, found)
        return self._known[chain].endpoints

    async def send(self, outgoing: Outgoing) -> Sent:
        """Sign what stands now, and post it. Names are resolved, and their addresses checked, for every attempt."""
        endpoint = await row(
            "SELECT * FROM webhook_endpoints WHERE id = {} AND disabled_at IS NULL AND removed_at IS NULL",
            outgoing.target,
        )
        if endpoint is None:
            return Sent(outcome="failed", detail="The endpoint is disabled or was removed.")
        content = await message(outgoing)
        try:
            target = parse_target(endpoint["url"], insecure=self._insecure)
            addresses = await checked_addresses(target, self._resolve, insecure=self._insecure)
            headers = self._headers(outgoing.id, endpoint, content)
            answered = await post(target, addresses, content=content, headers=headers, tls=self._tls)
        except (TargetRefused, TargetUnreachable) as error:
            return Sent(outcome="retry", detail=error.message)
        return await self._judged(outgoing, answered)

    async def close(self) -> None:
        """Every message has a connection of its own; none is left."""

    def _headers(self, delivery_id: str, endpoint: Mapping[str, Any], content: bytes) -> dict[str, str]:
        """Signed with the current secret and, while it is being rotated, with the previous one as well."""
        now = datetime.now(UTC)
        text = content.decode()
        signatures = [Webhook(secret).sign(delivery_id, now, text) for secret in self._secrets(endpoint, now)]
        return {
            "Content-Type": "application/json",
            "User-Agent": "Axiru-Webhooks/1",
            "Webhook-Id": delivery_id,
            "Webhook-Timestamp": str(math.floor(now.timestamp())),
            "Webhook-Signature": " ".join(signatures),
        }

    def _secrets(self, endpoint: Mapping[str, Any], now: datetime) -> list[str]:
        """Raises VaultSealBroken, VaultKeyUnknown."""
        sealed = [endpoint["secret_ciphertext"]]
        if endpoint["previous_secret_ciphertext"] is not None and now < endpoint["previous_secret_until"]:
            sealed.append(endpoint["previous_secret_ciphertext"])
        context = secret_context(endpoint["organization_id"], endpoint["id"])
        return [self._vault.open(bytes(each), context=context).decode() for each in sealed]

    async def _judged(self, outgoing: Outgoing, answered: Answered) -> Sent:
        status, text = answered.status, answered.text
        if 200 <= status < 300:
            return Sent(outcome="delivered", status=status, detail=text)
        if status == _GONE:
            await disable_gone_endpoint(
                outgoing.target,
                organization_id=outgoing.organization_id,
                mode=outgoing.mode,
                signer=await load_signer(self._vault),
            )
            return Sent(outcome="failed", status=status, detail=text)
        wait = _retry_after_seconds(answered) if status in _TOLD_WHEN_TO_COME_BACK else 0.0
        return Sent(outcome="retry", status=status, detail=text, retry_after_seconds=wait)


def _retry_after_seconds(answered: Answered) -> float:
    """Retry-After as seconds or as a date (RFC 9110 §10.2.3); 0 for neither."""
    told = answered.headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return float(told[:9])
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return 0.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
