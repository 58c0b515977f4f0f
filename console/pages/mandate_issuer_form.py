"""The form of an issuer whose mandates are to be taken."""

from collections.abc import Callable
from typing import NamedTuple

from console.carrying_out import carried_out
from console.components.confirm_dialog import ConfirmDialog
from console.components.text import Text
from console.components.text_field import TextField
from console.public_key import NoPublicKey, PrivateKeyPasted, read_public_key
from console.sessions import Session


class _Wanted(NamedTuple):
    issuer: str
    name: str
    jwk: dict[str, str]


class MandateIssuerForm:
    """One dialog; what was typed stays until an issuer was made of it. `added` is called after the API has done it."""

    def __init__(self, session: Session, added: Callable[[], None]) -> None:
        self._session = session
        self._added = added
        self._dialog = ConfirmDialog("Trust an issuer", "Trust it", self._submit, "primary")
        with self._dialog.content:
            Text(
                "p",
                "Whoever holds this key lets agents pay within your policies and budgets, in both modes.",
            )
            self._name = TextField("Name", placeholder="Our agent provider", max_length=100)
            self._issuer = TextField(
                "Issuer",
                placeholder="https://agent-provider.example",
                hint="Exactly as its mandates say it in iss.",
                max_length=255,
            )
            self._key = TextField(
                "Public key",
                placeholder='{"kty": "EC", "crv": "P-256", "x": "…", "y": "…", "kid": "…"}',
                hint="A JWK for ES256. Have them read its thumbprint to you before you rely on it.",
                rows=5,
                max_length=8_000,
            )

    async def open(self) -> None:
        self._dialog.open()

    async def _submit(self) -> None:
        wanted = self._read()
        if wanted is None:
            return

        async def trust() -> None:
            await self._session.mandate_issuers.trust(**wanted._asdict())

        if await carried_out(self._session, trust, self._dialog.refuse):
            for field in (self._name, self._issuer, self._key):
                field.clear_text()
            self._dialog.close()
            self._added()

    def _read(self) -> _Wanted | None:
        """What was filled in; None when a field has been refused."""
        name, issuer = self._name.value.strip(), self._issuer.value.strip()
        if not name:
            self._name.refuse("A name that people here know them by.")
            return None
        if not issuer:
            self._issuer.refuse("What its mandates call it.")
            return None
        try:
            return _Wanted(issuer, name, read_public_key(self._key.value.strip()))
        except NoPublicKey as refused:
            if isinstance(refused, PrivateKeyPasted):
                self._key.clear_text()
            self._key.refuse(str(refused))
            return None
