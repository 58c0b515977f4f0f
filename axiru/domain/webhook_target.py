"""Where a webhook may go: the spelling of a URL and the addresses behind its name. Pure: nothing is resolved here.

Whoever may set up a webhook chooses what our network connects to, and is shown part of the answer. So only public
addresses are told anything, and a URL has one reading: what two parsers could read differently is refused. Sources:
IANA's IPv4 and IPv6 special-purpose address registries; WHATWG URL §3.5 for hosts that are numbers in disguise.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Literal

import msgspec

from axiru.errors import AxiruError

LONGEST_URL: Final = 2_048
HTTPS_PORT: Final = 443
LOWEST_OTHER_PORT: Final = 1_024
"""Below it are the well-known ports, where something else than a webhook receiver listens."""

Address = IPv4Address | IPv6Address


class TargetRefused(AxiruError):
    """A webhook may not go there; the message says why."""

    code = "invalid_request"


class WebhookTarget(msgspec.Struct, frozen=True):
    """A URL taken apart, once. What is requested is put together from these parts, never from the text again."""

    scheme: Literal["https", "http"]
    host: str
    port: int
    path: str
    address: Address | None

    @property
    def authority(self) -> str:
        """The Host header: the port is left out where it is the scheme's own (RFC 9110 §7.2)."""
        return self.host if self.port == _PORT_OF[self.scheme] else f"{self.host}:{self.port}"


_PORT_OF: Final[dict[str, int]] = {"https": HTTPS_PORT, "http": 80}
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?)?"
)
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TOP_LABEL: Final = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_HOST: Final = 253


def parse_target(url: str, *, insecure: bool = False) -> WebhookTarget:
    """The parts of a URL that a webhook may go to, as far as its text tells. Raises TargetRefused.

    `insecure` is for a local stack: http, any port, names without a dot, loopback and private addresses.
    """
    found = _URL.fullmatch(_lowered(url)) if len(url) <= LONGEST_URL else None
    if found is None:
        raise _refused("This is not a URL of the form https://host/path, in ASCII and without user or fragment.")
    scheme: Literal["https", "http"] = "https" if found["scheme"] == "https" else "http"
    if scheme == "http" and not insecure:
        raise _refused("A webhook goes to https only.")
    port = int(found["port"] or _PORT_OF[scheme])
    if port > 65_535 or not (insecure or port == HTTPS_PORT or port >= LOWEST_OTHER_PORT):
        raise _refused(f"A webhook goes to port {HTTPS_PORT}, or to one from {LOWEST_OTHER_PORT} on.")
    address = _literal(found["host"])
    if address is None:
        _check_name(found["host"], insecure=insecure)
    elif because := refused_because(address, insecure=insecure):
        raise _refused(f"A webhook does not go to {address}: {because}.")
    return WebhookTarget(scheme, found["host"], port, found["path"] or "/", address)


def _lowered(url: str) -> str:
    """Scheme and host in small letters, path and query as they are."""
    scheme, separator, rest = url.partition("://")
    end = re.search(r"[/?#]|$", rest)
    cut = end.start() if end else len(rest)
    return scheme.lower() + separator + rest[:cut].lower() + rest[cut:]


def _literal(host: str) -> Address | None:
    """The address that a host spells out; None for a name. Raises TargetRefused for an address spelled oddly."""
    try:
        if host.startswith("["):
            address: Address = IPv6Address(host[1:-1])
        elif host.replace(".", "").isdigit():
            # The one strict form: four decimal numbers without leading zeros.
            address = IPv4Address(host)
        else:
            return None
    except ValueError as error:
        raise _refused("This host is not an address in its usual spelling.") from error
    return address


def _check_name(host: str, *, insecure: bool) -> None:
    labels = host.split(".")
    if len(host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("This host is not a name as DNS has them: letters, digits, hyphens and dots between.")
    # `0x7f.1` and `127.1` are addresses to some resolvers; no top-level domain begins with a digit.
    if not _TOP_LABEL.fullmatch(labels[-1]):
        raise _refused("The last part of a host's name begins with a letter.")
    if not insecure and (len(labels) < 2 or labels[-1] in _LOCAL_NAMES):
        raise _refused("This name is only known inside a network.")


_LOCAL_NAMES: Final = frozenset({"localhost", "local", "internal", "localdomain", "lan", "home", "corp", "onion"})

_METADATA: Final = "it serves credentials to machines of a cloud"
_METADATA_ADDRESSES: Final = frozenset(
    ip_address(text) for text in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")
)
_PRIVATE: Final = tuple(
    IPv4Network(text) for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
) + tuple(IPv6Network(text) for text in ("::1/128", "fc00::/7"))
_SPECIAL: Final = (
    (IPv4Network("0.0.0.0/8"), "it is unspecified"),
    (IPv4Network("100.64.0.0/10"), "it is shared behind a carrier's NAT"),
    (IPv4Network("169.254.0.0/16"), "it is link-local"),
    (IPv4Network("192.0.0.0/24"), "it is reserved"),
    (IPv4Network("192.0.2.0/24"), "it is for documentation"),
    (IPv4Network("192.88.99.0/24"), "it relays 6to4"),
    (IPv4Network("198.18.0.0/15"), "it is for benchmarks"),
    (IPv4Network("198.51.100.0/24"), "it is for documentation"),
    (IPv4Network("203.0.113.0/24"), "it is for documentation"),
    (IPv4Network("224.0.0.0/4"), "it is multicast"),
    (IPv4Network("240.0.0.0/4"), "it is reserved"),
    # These carry an IPv4 address inside, or none at all; nobody receives webhooks at them.
    (IPv6Network("::ffff:0:0/96"), "it is an IPv4 address in disguise"),
    (IPv6Network("::/96"), "it is unspecified, or an IPv4 address in disguise"),
    (IPv6Network("64:ff9b::/96"), "NAT64 leads from it to IPv4"),
    (IPv6Network("64:ff9b:1::/48"), "NAT64 leads from it to IPv4"),
    (IPv6Network("2002::/16"), "6to4 leads from it to IPv4"),
    (IPv6Network("2001::/32"), "Teredo leads from it to IPv4"),
    (IPv6Network("2001::/23"), "it is reserved"),
    (IPv6Network("2001:db8::/32"), "it is for documentation"),
    (IPv6Network("3fff::/20"), "it is for documentation"),
    (IPv6Network("fe80::/10"), "it is link-local"),
    (IPv6Network("ff00::/8"), "it is multicast"),
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")


def refused_because(address: Address, *, insecure: bool = False) -> str | None:
    """Why no webhook may go to this address; None if it may. `insecure` lifts loopback and private, nothing else."""
    if address in _METADATA_ADDRESSES:
        return _METADATA
    if any(address.version == network.version and address in network for network in _PRIVATE):
        return None if insecure else "it is loopback or private"
    for network, because in _SPECIAL:
        if address.version == network.version and address in network:
            return because
    if isinstance(address, IPv6Address) and (address not in _GLOBAL_UNICAST or address.scope_id):
        return "it is not global unicast"
    return None


def _refused(message: str) -> TargetRefused:
    return TargetRefused(message, field="url")
