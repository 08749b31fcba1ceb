"""Names under which the gateway may be found by who brings no credentials."""

from typing import Any

import pytest

from domain.edge.hosts import is_safe_host

OWN = frozenset({"gateway.example", "other.example:8443"})


def is_safe(*hosts: str) -> bool:
    scope: Any = {"headers": [(b"accept", b"*/*"), *((b"host", host.encode()) for host in hosts)]}
    return is_safe_host(scope, OWN)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8000", "LOCALHOST", "127.0.0.1:8000", "[::1]:8000", "[::1]", "192.168.1.7:8000"),
        *("gateway", "gateway:8000", "gateway.test", "mybox.local:8000", "api.ns.svc.cluster.local", "a.localhost."),
        *("gateway.example", "gateway.example:9000", "Gateway.Example", "other.example:8443"),
    ],
)
def test_what_nobody_outside_can_own_and_what_is_ours(host: str) -> None:
    assert is_safe(host)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8000", "gateway.example.evil.example", "evil-gateway.example"),
        *("localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.evil.example:8000", "notlocal.evil"),
        *("other.example", "[::1].evil.example.", "1.2.3.4.5", "x.localhost.evil.example."),
    ],
)
def test_any_other_may_be_a_strangers(host: str) -> None:
    assert not is_safe(host)


def test_what_is_no_browser_sends_none() -> None:
    assert is_safe()
    assert not is_safe("localhost", "evil.example")
