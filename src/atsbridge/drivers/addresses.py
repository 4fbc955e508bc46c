"""Which addresses a vendor's name may lead to."""

from __future__ import annotations

import ipaddress

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""What has been given to the public: https://www.iana.org/assignments/ipv6-address-space."""
_EXAMPLES = ipaddress.IPv6Network("3fff::/20")
"""RFC 9637; not every Python knows of it."""


def is_public(address: str) -> bool:
    """Whether an address may be connected to: no private, shared, local, mapped or tunnelled one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped or ip.sixtofour or ip.teredo:
            return False
        if ip in _NAT64:  # RFC 6052: the IPv4 address stands in the last four bytes
            return is_public(str(ipaddress.IPv4Address(ip.packed[-4:])))
        if ip not in _UNICAST or ip in _EXAMPLES:
            return False
    return ip.is_global and not ip.is_multicast


def is_loopback(address: str) -> bool:
    """Whether an address stays on this machine."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
