"""Which headers an instance sees, and which of its own its client does."""

import pytest

from domain.callers import Caller, Role
from domain.service_headers import Came, for_client, for_instance
from domain.services import Header

ALICE = Caller("user:alice", Role.USER)
CAME = Came("203.0.113.7", "http", "1.1", "/services/user", "trace", caller=ALICE, own_cookie=b"gateway_refresh")


def seen(*sent: Header, came: Came = CAME) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in for_instance(sent, came)}


def behind(hops: int) -> Came:
    return Came("10.0.0.9", "http", "1.1", "/services/user", "trace", trusted_hops=hops)


def test_an_instance_is_told_who_asks_and_from_where() -> None:
    assert seen((b"host", b"api.example:8000"), (b"accept", b"text/html")) == {
        "accept": "text/html",
        "via": "1.1 gateway",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "api.example:8000",
        "x-forwarded-prefix": "/services/user",
        "x-request-id": "trace",
        "x-gateway-client": "user:alice",
        "x-gateway-roles": "user",
    }


@pytest.mark.parametrize(
    "name",
    [
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"upgrade",
        b"transfer-encoding",
        b"http2-settings",
        b"expect",
        b"content-length",
        b"authorization",
        b"x-real-ip",
        b"x-gateway-client",
        b"x_gateway_client",
        b"x-gateway_roles",
        b"x-gateway-anything",
        b"forwarded",
        b"x-forwarded-port",
        b"x_forwarded_for",
        b"x-forwarded-user",
        b"x_real_ip",
    ],
)
def test_what_is_not_the_clients_to_say_stays_here(name: bytes) -> None:
    nobody = Came("203.0.113.7", "http", "1.1", "/services/user", "trace")
    told = seen((name, b"spoofed"), came=nobody)
    assert "spoofed" not in told.values()
    assert name.decode() not in told


def test_what_connection_names_concerns_that_connection_only() -> None:
    told = seen((b"connection", b"close, X-Hop , X-Gateway-Client"), (b"x-hop", b"1"), (b"x-end", b"2"))
    assert "x-hop" not in told
    assert (told["x-end"], told["x-gateway-client"]) == ("2", "user:alice")


def test_nobody_is_not_told_of() -> None:
    nobody = Came("203.0.113.7", "http", "1.1", "/services/user", "trace")
    assert not {name for name in seen((b"x-gateway-client", b"admin"), came=nobody) if name.startswith("x-gateway")}


def test_credentials_go_on_only_where_the_table_says_so() -> None:
    keeps = Came("203.0.113.7", "http", "1.1", "/services/user", "trace", keeps_authorization=True)
    assert seen((b"authorization", b"Basic x"), came=keeps)["authorization"] == "Basic x"
    assert "authorization" not in seen((b"authorization", b"Basic x"))


def test_our_cookie_is_for_nobody_else() -> None:
    told = seen((b"cookie", b"theme=dark; gateway_refresh=secret; x=1"))
    assert told["cookie"] == "theme=dark; x=1"
    assert "cookie" not in seen((b"cookie", b"gateway_refresh=secret"))


@pytest.mark.parametrize(
    ("hops", "sent", "told"),
    [
        (0, b"1.1.1.1", "10.0.0.9"),
        (1, b"6.6.6.6, 1.1.1.1", "1.1.1.1, 10.0.0.9"),
        (2, b"6.6.6.6, 1.1.1.1, 2.2.2.2", "1.1.1.1, 2.2.2.2, 10.0.0.9"),
        (2, b"1.1.1.1", "10.0.0.9"),  # it did not come through both
        (1, b"", "10.0.0.9"),
    ],
)
def test_of_where_it_came_from_our_own_proxies_are_believed(hops: int, sent: bytes, told: str) -> None:
    assert seen((b"x-forwarded-for", sent), came=behind(hops))["x-forwarded-for"] == told


def test_a_trusted_proxy_says_under_which_name_and_scheme_it_was_asked() -> None:
    sent = ((b"host", b"inside:8000"), (b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"shop.example"))
    assert seen(*sent, came=behind(1))["x-forwarded-proto"] == "https"
    assert seen(*sent, came=behind(1))["x-forwarded-host"] == "shop.example"
    assert seen(*sent, came=behind(0))["x-forwarded-proto"] == "http"
    assert seen(*sent, came=behind(0))["x-forwarded-host"] == "inside:8000"
    twice = (*sent, (b"x-forwarded-proto", b"http"))
    assert seen(*twice, came=behind(1))["x-forwarded-proto"] == "http"  # that of the socket: nothing clear was said


def test_a_client_sees_what_concerns_it() -> None:
    sent = (
        (b"Content-Type", b"text/plain"),
        (b"Content-Length", b"5"),
        (b"Set-Cookie", b"a=1"),
        (b"Set-Cookie", b"b=2"),
    )
    hidden = (
        *((b"Connection", b"X-Hop"), (b"X-Hop", b"1"), (b"Keep-Alive", b"timeout=5"), (b"Date", b"today")),
        *(
            (b"Set-Cookie", b"gateway_refresh=stolen"),
            (b"Access-Control-Allow-Origin", b"*"),
            (b"X-Request-ID", b"his"),
        ),
    )
    told = for_client((*sent, *hidden), 200, b"gateway_refresh")
    assert told == [*((name.lower(), value) for name, value in sent), (b"via", b"1.1 gateway")]


@pytest.mark.parametrize("status", [204, 205, 304])
def test_what_has_no_body_has_no_length(status: int) -> None:
    assert b"content-length" not in dict(for_client([(b"content-length", b"7")], status))


def test_of_two_framings_the_length_is_dropped() -> None:
    told = dict(for_client([(b"content-length", b"7"), (b"transfer-encoding", b"chunked")], 200))
    assert told == {b"via": b"1.1 gateway"}
