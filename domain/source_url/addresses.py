"""IP addresses: which of them belong to the public internet.

From IANA's special-purpose registries, minus their "globally reachable" exceptions: nobody
hosts pictures on those. Python's ``is_global`` lets multicast, NAT64, 6to4 and AS112 pass.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL_IPV4: dict[IPv4Network, str] = {
    IPv4Network(network): reason
    for network, reason in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private use"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "Azure platform services"),
        ("169.254.0.0/16", "link-local, cloud metadata"),
        ("172.16.0.0/12", "private use"),
        ("192.0.0.0/24", "IETF protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private use"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved, broadcast"),
    )
}

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA allocates from; what lies outside is refused even where no reason is listed."""

_SPECIAL_IPV6: dict[IPv6Network, str] = {
    IPv6Network(network): reason
    for network, reason in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("100::/64", "discard-only"),
        ("100:0:0:1::/64", "dummy prefix"),
        ("2001::/23", "IETF protocol assignments, Teredo"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
}

_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""Upper half of an interface identifier whose lower half is an IPv4 address."""


def is_public(address: Address, refused_networks: Iterable[Network] = ()) -> bool:
    """Tell whether the address is one that any stranger could reach, and that we may visit.

    ``refused_networks`` are public ones that the operator keeps to itself: its own, behind whose
    doors we would stand, and the prefix of its own NAT64, behind which every IPv4 address lies.
    """
    return why_not_public(address) is None and not any(
        address in network for network in refused_networks
    )


def why_not_public(address: Address) -> str | None:
    """Name the special use of an address, or nothing if it is public.

    IPv6 addresses that carry an IPv4 address (mapped, compatible, translated, NAT64, 6to4,
    Teredo, ISATAP) are never public, whatever they carry.
    """
    match address:
        case IPv4Address():
            return _reason_for_ipv4(address)
        case IPv6Address():
            return _reason_for_ipv6(address)


def _reason_for_ipv4(address: IPv4Address) -> str | None:
    return next((why for network, why in _SPECIAL_IPV4.items() if address in network), None)


def _reason_for_ipv6(address: IPv6Address) -> str | None:
    for network, reason in _SPECIAL_IPV6.items():
        if address in network:
            return reason
    if address not in _GLOBAL_UNICAST:
        return "not global unicast"
    if address.scope_id is not None:
        return "bound to an interface"
    if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        return "ISATAP"
    return None
