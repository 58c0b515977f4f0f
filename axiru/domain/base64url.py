"""base64url without padding (RFC 4648 §5), one spelling only: stray characters, padding and loose bits are refused."""

import base64
import binascii


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """Raises ValueError for any text but the one that `encoded` makes."""
    try:
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    if encoded(value) != text:
        raise ValueError("not the one spelling of base64url")
    return value
