"""Ids that sort by the time they were made, and the secrets that API keys and log-ins consist of.

An id is its kind's prefix and 26 characters of lower-case Crockford base32: 48 bits of milliseconds since 1970, then 80
random bits (the layout of a ULID). Ids are names, not secrets; whoever knows one has proved nothing.
"""

import hashlib
import secrets
import time
from typing import Final, NamedTuple

from axiru.domain.movement import Mode

DECISION: Final = "ed_"
APPROVAL: Final = "ap_"
VOTE: Final = "vt_"
CONTROL: Final = "ct_"
API_KEY: Final = "key_"
MEMBER: Final = "mem_"
REQUEST: Final = "req_"
POLICY_DRAFT: Final = "pd_"
POLICY_VERSION: Final = "pv_"
LIST: Final = "li_"
LIST_VERSION: Final = "lv_"
ACTIVATION: Final = "av_"
REPLAY: Final = "rp_"
AGENT: Final = "ag_"
COMMENT: Final = "cm_"
DELEGATION: Final = "dg_"
BREAK_GLASS: Final = "bg_"
BREAKER: Final = "br_"
BREAKER_TRIP: Final = "bt_"
WEBHOOK_ENDPOINT: Final = "we_"
WALLET_POLICY: Final = "wp_"
DELIVERY: Final = "dl_"
SLACK_INSTALLATION: Final = "si_"
SLACK_LINK: Final = "sl_"
STRIPE_CONNECTION: Final = "stripe_conn_"
EVIDENCE_PACKET: Final = "ep_"
FAIL_OPEN: Final = "fo_"
JTI: Final = "jti_"
AP2_ISSUER: Final = "ai_"

_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_SECRET_BITS: Final = 160


class IssuedSecret(NamedTuple):
    """A secret as it is shown once, and the SHA-256 (hex) that is kept. No salt: 160 random bits cannot be guessed."""

    secret: str
    secret_hash: str


def new_id(prefix: str, *, unix_milliseconds: int | None = None) -> str:
    """A new id of the kind `prefix`, for the present moment or the one given.

    Ids of different milliseconds sort as their times do; ids of one millisecond are in no particular order.
    """
    milliseconds = time.time_ns() // 1_000_000 if unix_milliseconds is None else unix_milliseconds
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError(f"{milliseconds} ms since 1970 does not fit an id of 48 bits of time")
    return prefix + _base32(milliseconds << 80 | secrets.randbits(80), characters=26)


def new_api_key(mode: Mode) -> IssuedSecret:
    """The secret of a new API key, `ak_test_…` or `ak_live_…`, so that a reader sees which money it can reach."""
    return _issue(f"ak_{mode}_")


def new_session_token() -> IssuedSecret:
    """The bearer token of a new log-in, `st_…`."""
    return _issue("st_")


def new_link_token() -> IssuedSecret:
    """The token of a link in a mail, `lt_…`: whoever has it acts as the member it was sent to."""
    return _issue("lt_")


def new_install_secret() -> IssuedSecret:
    """A ticket, state or cookie of an installation under way, `is_…`."""
    return _issue("is_")


def hash_secret(secret: str) -> str:
    """What an API key or session token is looked up by: the hex SHA-256 of its UTF-8 bytes, whatever was sent."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _issue(prefix: str) -> IssuedSecret:
    secret = prefix + _base32(secrets.randbits(_SECRET_BITS), characters=_SECRET_BITS // 5)
    return IssuedSecret(secret, hash_secret(secret))


def _base32(number: int, *, characters: int) -> str:
    return "".join(_CROCKFORD[number >> 5 * place & 31] for place in reversed(range(characters)))
