"""What of the net one client holds: who has an IPv6 address has a whole /64 of them to choose from (RFC 4291)."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def network_of(address: str) -> str:
    """An IPv4 address as it is, the /64 of an IPv6 one; anything else as it is."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return f"{IPv6Address(int(known) >> 64 << 64)}/64"
