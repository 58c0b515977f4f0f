"""What a wallet is asked to sign, as the payment that its signature would be. Whatever is not known here is refused.

Known are the payment requirements of x402, and the typed data (EIP-712) that x402's scheme `exact` signs on EVM chains:
`TransferWithAuthorization` of EIP-3009, as it stands or as wallets pass it on (`eth_signTypedData_v4`).
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from axiru.errors import AxiruError

LONGEST_VALIDITY: Final = timedelta(hours=24)
"""A signature that could be used later than this would be spent out of sight of every window."""

_PRIMARY: Final = "TransferWithAuthorization"
_FIELDS: Final = {
    "from": "address",
    "to": "address",
    "value": "uint256",
    "validAfter": "uint256",
    "validBefore": "uint256",
    "nonce": "bytes32",
}
_DOMAIN: Final = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,77}|0x[0-9a-fA-F]{1,64}")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_BYTES32: Final = re.compile(r"0x[0-9a-fA-F]{64}")


class UnsupportedRequest(AxiruError):
    """Nobody here can tell what signing this would do, so it is not signed."""

    code = "unsupported_request"


def requirements_in(request: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The payment requirements (x402 v2) that signing `request` would fulfil. Raises UnsupportedRequest."""
    match [name for name in ("payment_requirements", "typed_data", "method", "params") if name in request]:
        case ["payment_requirements"]:
            return _object(request["payment_requirements"], "payment_requirements")
        case ["typed_data"]:
            return _of_typed_data(_object(request["typed_data"], "typed_data"), now)
        case ["method", "params"] if request["method"] == "eth_signTypedData_v4":
            params = _object(request["params"], "params")
            if set(params) != {"typed_data"}:
                raise UnsupportedRequest("params holds typed_data and nothing else.")
            return _of_typed_data(_object(params["typed_data"], "params.typed_data"), now)
        case _:
            raise UnsupportedRequest("Only payment requirements of x402, or the typed data it signs, are decided on.")


def _of_typed_data(data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """EIP-712 is signed over types, domain and message together, so each has to be what EIP-3009 says and no more."""
    spelled = [name for name in ("primaryType", "primary_type") if name in data]
    if len(spelled) != 1 or data[spelled[0]] != _PRIMARY:
        raise UnsupportedRequest(f"Only {_PRIMARY} (EIP-3009) is decided on.")
    types = _object(data.get("types"), "types")
    if _members(types.get(_PRIMARY)) != list(_FIELDS.items()) or not set(types) <= {_PRIMARY, "EIP712Domain"}:
        raise UnsupportedRequest(f"These are not the types of {_PRIMARY} (EIP-3009).")
    if "EIP712Domain" in types and _members(types["EIP712Domain"]) != list(_DOMAIN.items()):
        raise UnsupportedRequest("This is not the domain of a token under EIP-3009.")
    domain, message = _object(data.get("domain"), "domain"), _object(data.get("message"), "message")
    if set(domain) != set(_DOMAIN) or set(message) != set(_FIELDS):
        raise UnsupportedRequest("Domain and message hold exactly what their types name.")
    _matching(message["from"], _ADDRESS, "message.from")
    _matching(message["nonce"], _BYTES32, "message.nonce")
    until = _number(message["validBefore"], "message.validBefore")
    if until > int((now + LONGEST_VALIDITY).timestamp()):
        raise UnsupportedRequest("This signature could be used for more than a day.")
    _number(message["validAfter"], "message.validAfter")
    return {
        "scheme": "exact",
        "network": f"eip155:{_number(domain['chainId'], 'domain.chainId')}",
        "amount": str(_number(message["value"], "message.value")),
        "asset": _matching(domain["verifyingContract"], _ADDRESS, "domain.verifyingContract"),
        "payTo": _matching(message["to"], _ADDRESS, "message.to"),
        "maxTimeoutSeconds": int(LONGEST_VALIDITY.total_seconds()),
    }


def _members(listed: Any) -> list[tuple[str, str]] | None:
    """A type's members in their order, which its hash depends on."""
    members: list[Any] = listed if isinstance(listed, list) else [None]
    if not all(isinstance(one, dict) and set(one) == {"name", "type"} for one in members):
        return None
    return [(one["name"], one["type"]) for one in members]


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnsupportedRequest(f"{name} must be an object.")
    return value


def _matching(value: Any, pattern: re.Pattern[str], name: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise UnsupportedRequest(f"{name} has not the form it should have.")
    return value


def _number(value: Any, name: str) -> int:
    """An unsigned integer as wallets write them: a number, its digits, or hexadecimal."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    digits = _matching(value, _NUMBER, name)
    return int(digits, 16 if digits.startswith("0x") else 10)
