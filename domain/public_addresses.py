"""
Which addresses a stranger's URL may lead to: those of the public internet, and no others.

Python's `is_global` is not enough: it calls multicast global, and looks into no address that carries another.

Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 6890; of the clouds, their metadata pages.
"""

from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # "this network": 0.0.0.0 is the machine itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own server on every machine: a public number that is not public
        "169.254.0.0/16",  # link-local; nearly everybody's metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast
    )
)
# Of IPv6 only what is handed out as global unicast, so that everything that carries an IPv4 address in a prefix of
# its own (mapped ::ffff:0:0/96, NAT64 64:ff9b::/96, compatible ::/96), ULA, link-local and multicast are out at once.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments; Teredo carries an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Whether `address`, spelled as a socket takes it, is on the public internet. What cannot be read is not."""
    try:
        return _is_public_v6(IPv6Address(address)) if ":" in address else _is_public_v4(IPv4Address(address))
    except AddressValueError:
        return False


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in _REFUSED_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    zoned = address.scope_id is not None  # a zone names an interface of this machine
    return not zoned and address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)
