"""What the API says of those whose payment mandates are taken: never a private key."""

from datetime import datetime

import msgspec

from console.views import Person


class MandateIssuer(msgspec.Struct, frozen=True, kw_only=True):
    """An issuer by its key. `issuer` is what its mandates call it, `thumbprint` that of the key (RFC 7638)."""

    id: str
    issuer: str
    name: str
    jwk: dict[str, str]
    thumbprint: str
    added_by: Person
    added_at: datetime
    removed_by: Person | None = None
    removed_at: datetime | None = None
    removed_reason: str | None = None


class MandateIssuerList(msgspec.Struct, frozen=True):
    items: tuple[MandateIssuer, ...]
