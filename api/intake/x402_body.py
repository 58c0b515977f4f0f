"""Bodies of the rail `x402`: the payment requirements that a server sent (x402 v2, §5.1.2), as they came.

What is decided is what would be signed: amount, asset, network and receiver are read from the requirements alone, and a
body that says one of them beside these is refused.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from api.auth import Caller
from api.errors import FieldError
from api.intake.authorization_common import AuthorizationBody, RailReader, movement_of
from api.intake.decision_body import member_of
from api.intake.text import ShortText
from axiru.domain.assets import caip19, decimals_of, folded_address, known_asset
from axiru.domain.movement import Amount, Counterparty, Merchant, Ovt

Network = Annotated[str, Meta(min_length=1, max_length=41, description="CAIP-2 id of the network: eip155:8453")]
Address = Annotated[
    str, Meta(min_length=1, max_length=128, pattern="^[!-~]+$(?!\\n)", description="An address, as sent")
]
Units = Annotated[
    str, Meta(max_length=78, pattern="^[1-9][0-9]*$(?!\\n)", description="Units of the asset, as a decimal string")
]
Scheme = Annotated[str, Meta(pattern="^[a-z][-a-z0-9_]{0,63}$(?!\\n)", description="How is paid: exact, upto")]
Seconds = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Url = Annotated[str, Meta(min_length=1, max_length=2_048)]
Text = Annotated[str, Meta(max_length=2_000)]

LARGEST_UNITS: Final = 2**256 - 1
"""The largest amount that a token of an EVM chain can count (uint256)."""

_NETWORK: Final = re.compile(r"eip155:[1-9][0-9]{0,31}|(?!eip155:)[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")
_VISIBLE: Final = re.compile(r"[!-~]*")
_EVM: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_SOLANA: Final = re.compile(r"[1-9A-HJ-NP-Za-km-z]{32,44}")
_FACTS: Final = ("scheme", "network", "asset", "resource_url", "resource_host")
_V1_NAMES: Final = {"maxAmountRequired": "amount", "mimeType": "resource.mimeType", "resource": "resource.url"}


class PaymentRequirements(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """One of the ways to pay that a server accepts: the one that is to be signed."""

    scheme: Scheme
    network: Network
    amount: Units
    asset: Address
    pay_to: Address
    max_timeout_seconds: Seconds
    extra: dict[str, Any] | None = None


class ResourceBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is paid for, as the server describes it. It may say more; only this is read."""

    url: Url
    description: Text | None = None
    mime_type: ShortText | None = None


class X402Authorization(AuthorizationBody, frozen=True, kw_only=True):
    """A request for one authorization of a payment that an x402 server asks for."""

    payment_requirements: PaymentRequirements
    resource: ResourceBody | None = None


def x402_amount(network: str, asset: str, units: str) -> Amount:
    """The amount by its CAIP-19 id, in units where nothing is known of the asset."""
    name = caip19(network, asset)
    return Amount(units, name, decimals_of(name))


def _movement(body: X402Authorization, extra: dict[str, Any], caller: Caller) -> Ovt:
    wanted = body.payment_requirements
    amount = x402_amount(wanted.network, wanted.asset, wanted.amount)
    facts = extra | payment_facts(wanted.scheme, wanted.network, amount, body.resource.url if body.resource else None)
    country = body.counterparty.country if body.counterparty else None
    ovt = movement_of(body, amount, facts, caller)
    return msgspec.structs.replace(
        ovt,
        counterparty=Counterparty(folded_address(wanted.pay_to), None, country),
        merchant=Merchant(),
    )


def payment_facts(scheme: str, network: str, amount: Amount, resource_url: str | None) -> dict[str, Any]:
    """What rules read of a payment beside amount and receiver, as `extra.<name>`."""
    known = known_asset(amount.asset)
    facts: dict[str, Any] = {"scheme": scheme, "network": network, "asset": known.symbol if known else amount.asset}
    address = _address_of(resource_url) if resource_url is not None else None
    return facts if address is None else {**facts, "resource_host": address[0], "resource_url": address[1]}


def _errors(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    """What no schema can say: what is said twice, version 1 of x402, and addresses that are none on their network."""
    for name in ("amount_cents", "currency"):
        if name in raw:
            yield FieldError(name, "not_allowed", "On this rail payment_requirements says it, and nothing beside them.")
    for name in ("stripe_account_id", "stripe_connection_id"):
        if raw.get(name) is not None:
            yield FieldError(name, "not_allowed", "A payment by x402 is made on no account at Stripe.")
    counterparty = member_of(raw, "counterparty")
    for name in ("id", "stripe_account_id"):
        if counterparty.get(name) is not None:
            yield FieldError(f"counterparty.{name}", "not_allowed", "Who is paid is payTo of payment_requirements.")
    for name in _FACTS:
        if name in member_of(raw, "context"):
            yield FieldError(
                f"context.{name}", "not_allowed", "This is read from what is paid, and not said beside it."
            )
    wanted = raw.get("payment_requirements")
    if isinstance(wanted, dict):
        yield from _requirement_errors(wanted)
    url = member_of(raw, "resource").get("url")
    if isinstance(url, str) and _address_of(url) is None:
        yield FieldError("resource.url", "malformed", "This must be an absolute address: https://api.example.com/data.")


def _requirement_errors(wanted: Mapping[str, Any]) -> Iterator[FieldError]:
    for old, new in _V1_NAMES.items():
        if old in wanted:
            yield FieldError(
                f"payment_requirements.{old}", "not_allowed", f"This is x402 version 1; version 2 says {new}."
            )
    # A pattern's `$` lets a line feed pass at the end.
    for name in ("scheme", "amount", "asset", "payTo"):
        if isinstance(value := wanted.get(name), str) and not _VISIBLE.fullmatch(value):
            yield FieldError(f"payment_requirements.{name}", "malformed", "This has characters that nobody sees.")
    network = wanted.get("network")
    if isinstance(network, str) and ":" not in network:
        message = "This is a network of x402 version 1; version 2 names it by CAIP-2: eip155:8453 and not base."
        yield FieldError("payment_requirements.network", "malformed", message)
    elif isinstance(network, str) and not _NETWORK.fullmatch(network):
        yield FieldError("payment_requirements.network", "malformed", "This must be a CAIP-2 id such as eip155:8453.")
    if isinstance(network, str):
        for name in ("asset", "payTo"):
            yield from _address_errors(f"payment_requirements.{name}", wanted.get(name), network)
    amount = wanted.get("amount")
    if isinstance(amount, str) and amount.isascii() and amount.isdigit() and len(amount) <= 78:
        if int(amount) > LARGEST_UNITS:
            yield FieldError("payment_requirements.amount", "out_of_range", "No token counts that far (2^256 - 1).")
    elif isinstance(amount, int | float):
        yield FieldError("payment_requirements.amount", "wrong_type", "This must be a string of digits, as x402 sends.")


def _address_errors(field: str, address: Any, network: str) -> Iterator[FieldError]:
    pattern = {"eip155": _EVM, "solana": _SOLANA}.get(network.partition(":")[0])
    if isinstance(address, str) and pattern is not None and not pattern.fullmatch(address):
        yield FieldError(field, "malformed", f"This is no address on {network[:41]}.")


def _address_of(url: str) -> tuple[str, str] | None:
    """Host and address, which is sealed and so goes without what may be secret: user, query and fragment.

    None for what is no absolute address. Tools have some, too: `mcp://tool/search`.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not parts.scheme or not host:
        return None
    host = host.rstrip(".")
    place = f"[{host}]" if ":" in host else host
    return host, f"{parts.scheme}://{place}{f':{port}' if port else ''}{parts.path}"


OF_X402 = RailReader(X402Authorization, _movement, _errors)
