"""Seeing to it that the next key of tokens is published before its turn comes."""

import structlog
from temporalio import activity

from axiru.settings import Settings
from axiru.vault import Vault
from ledger.token_keys import KeyTimes, rotate_if_due

log = structlog.get_logger()


class TokenKeys:
    """Publishes with the worker's own vault and settings."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._vault = vault
        self._times = KeyTimes.from_settings(settings)

    @activity.defn(name="rotate_token_keys")
    async def rotate(self) -> str | None:
        """The id of the key that was published, or None where none was due."""
        key_id = await rotate_if_due(self._vault, self._times)
        if key_id is not None:
            log.info("token_key_published", kid=key_id)
        return key_id
