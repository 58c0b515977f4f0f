"""Assets that are no currency: how they are named (CAIP-19), and the few whose symbol and decimals are known.

Any contract may call itself USDC. Here a symbol means its issuer's own contracts and no other: those of the table, from
Circle's lists (https://developers.circle.com/stablecoins/usdc-contract-addresses and …/eurc-contract-addresses). All
others are counted in their smallest unit, since nobody here could say how many decimals they have.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from axiru.domain.currency import exponent_of

_SOLANA: Final = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
_SOLANA_DEVNET: Final = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1"
_EVM_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_NOT_OF_REFERENCE: Final = re.compile(r"[^-.a-zA-Z0-9]")
_DECIMALS: Final = 6

_CONTRACTS: Final[Mapping[str, Mapping[str, str]]] = {
    "usdc": {
        "eip155:1": "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
        "eip155:10": "0x0b2c639c533813f4aa9d7837caf62653d097ff85",
        "eip155:137": "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359",
        "eip155:143": "0x754704bc059f8c67012fed69bc8a327a5aafb603",
        "eip155:1329": "0xe15fc38f6d8c56af07bbcbe3baf5708a2bf42392",
        "eip155:8453": "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
        "eip155:42161": "0xaf88d065e77c8cc2239327c5edb3a432268e5831",
        "eip155:42220": "0xceba9300f2b948710d2653dd7b07f33a8b32118c",
        "eip155:43113": "0x5425890298aed601595a70ab815c96711a31bc65",
        "eip155:43114": "0xb97ef9ef8734c71904d8002f8b6bc66dd9c48a6e",
        "eip155:80002": "0x41e94eb019c0762f9bfcf9fb1e58725bfb0e7582",
        "eip155:84532": "0x036cbd53842c5426634e7929541ec2318f3dcf7e",
        "eip155:421614": "0x75faf114eafb1bdbe2f0316df893fd58ce46aa4d",
        "eip155:11155111": "0x1c7d4b196cb0c7b01d743fbc6116a902379c7238",
        "eip155:11155420": "0x5fd84259d66cd46123540766be93dfe6d43130d7",
        _SOLANA: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
        _SOLANA_DEVNET: "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU",
    },
    "eurc": {
        "eip155:1": "0x1abaea1f7c830bd89acc67ec4af516284b1bc33c",
        "eip155:8453": "0x60a3e35cc302bfa44cb288bc5a4f316fdb1adb42",
        "eip155:43114": "0xc891eb4cbdeff6e073e859e987815ed1505c2acd",
        "eip155:84532": "0x808456652fdb597867f38412077a9182bf77359f",
        _SOLANA: "HzwqbKZw8HxMN6bF2yFZNrht3c2iXXzpKcFu7uBEDKtr",
    },
}


class Asset(msgspec.Struct, frozen=True):
    """An asset whose symbol and decimals are known."""

    symbol: str
    decimals: int


def caip19(network: str, reference: str) -> str:
    """The CAIP-19 id of a token by its network (CAIP-2) and address: `eip155:8453/erc20:0x8335…`.

    Addresses on EVM chains are compared without case (EIP-55 only checks spelling with it), so they are in small
    letters here; others are kept. Characters that CAIP-19 does not take are written as `%` and two digits each.
    """
    namespace = "erc20" if network.startswith("eip155:") else "token"
    folded = _NOT_OF_REFERENCE.sub(_escaped, folded_address(reference))
    return f"{network}/{namespace}:{folded}"


def folded_address(address: str) -> str:
    """An address in the one spelling in which it is compared: those of EVM chains in small letters, others as is."""
    return address.lower() if _EVM_ADDRESS.fullmatch(address) else address


def folded_asset(name: str) -> str:
    """A currency, a symbol or a CAIP-19 id in the one spelling in which it is compared."""
    chain, slash, token = name.partition("/")
    if not slash:
        return name.lower()
    namespace, _, reference = token.partition(":")
    return f"{chain}/{namespace}:{folded_address(reference)}"


def known_asset(name: str) -> Asset | None:
    """What is known of an asset by its symbol or CAIP-19 id; None for currencies, and for what nothing is known of."""
    symbol = name if name in CONTRACTS else _SYMBOL_OF.get(name)
    return Asset(symbol, _DECIMALS) if symbol is not None else None


def named_by(name: str) -> frozenset[str]:
    """The assets that a name in a rule stands for: all contracts of a symbol, otherwise itself."""
    return CONTRACTS.get(name) or frozenset({name})


def decimals_of(name: str) -> int:
    """Decimals of a currency, a symbol or an asset; 0 for an asset that nothing is known of: it is counted in units."""
    known = known_asset(name)
    if known is not None:
        return known.decimals
    return 0 if "/" in name else exponent_of(name)


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


CONTRACTS: Final[Mapping[str, frozenset[str]]] = {
    symbol: frozenset(caip19(network, address) for network, address in contracts.items())
    for symbol, contracts in _CONTRACTS.items()
}
"""The CAIP-19 ids of every contract of a symbol, on main and on test networks."""

_SYMBOL_OF: Final = {asset: symbol for symbol, contracts in CONTRACTS.items() for asset in contracts}
