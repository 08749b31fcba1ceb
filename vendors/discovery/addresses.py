"""From what a registry says of an instance to its URL."""

from ipaddress import IPv6Address

import httpx


def instance_url(scheme: str, host: str, port: int) -> str:
    """Raises `ValueError` where the two are no address: a registry may hold anything."""
    written = f"[{host}]" if _is_ipv6(host) else host
    url = f"{scheme}://{written}:{port}"
    try:
        parsed = httpx.URL(url)
        parsed.raw_host.decode().encode("idna")  # as the connection will: no label is empty or too long
    except (httpx.InvalidURL, UnicodeError):
        raise ValueError("no address") from None
    if not 0 < port < 65536 or parsed.host != host.lower() or parsed.raw_path != b"/":
        raise ValueError("no address")
    return url


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True
