"""What Axiru asks of Stripe, as the API tells everybody."""

import msgspec


class AskedPermission(msgspec.Struct, frozen=True, kw_only=True):
    """One permission of the app at Stripe: what for, and when it is used."""

    permission: str
    access: str
    why: str
    action: str | None = None
    when: str = ""


class AskedPermissions(msgspec.Struct, frozen=True):
    permissions: tuple[AskedPermission, ...]
