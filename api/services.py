"""What one API process holds while it runs, and how a request gets at it."""

import asyncio
from typing import Any, NamedTuple, cast

from litestar.connection import ASGIConnection
from temporalio.client import Client

from api.compiling import PolicyCompiler
from api.feed import ChainWatch
from api.intake.charge import PaymentLookup
from api.rate_limit import RateLimit
from axiru.settings import Settings
from axiru.vault import Vault
from ledger.acts.standing import CompiledVersions
from ledger.signing import Signer
from ledger.token_keys import TokenSigner


class Services(NamedTuple):
    """Opened by the lifespan of the app and closed in reverse. `temporal` connects at its first call."""

    settings: Settings
    rate_limit: RateLimit
    watch: ChainWatch
    temporal: Client
    signer: Signer
    payments: PaymentLookup
    compiler: PolicyCompiler
    compiled: CompiledVersions
    closing: asyncio.Event
    vault: Vault
    token_signer: TokenSigner


def services_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Services:
    """The services of the app that this request came to."""
    return cast(Services, connection.app.state.services)
