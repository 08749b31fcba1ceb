"""Strangers' URLs: whatever leads to an address that is not public is refused, and nothing is dialled."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.public_addresses import is_public
from domain.vendors import Call
from tests.vendors.scripted import listening
from vendors.errors import NotSent
from vendors.guarded import AddressRefused, GuardedResolver, GuardedTransport
from vendors.http import Reply, VendorHttp, VendorRequest

MakeCall = Callable[..., Call]

PUBLIC = "93.184.215.14"
PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:a00:1::",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "2606:4700::1111%1",
]
UNREADABLE = [
    "",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "017700000001",
    "127.0.0.01",
    "1.2.3",
    "localhost",
    "::g",
    "[::1]",
]


class Dialled:
    """Stands in for the making of sockets: remembers every address; none leaves the machine."""

    def __init__(self, server: str | None = None) -> None:
        self.addresses: list[str] = []
        self._server = server

    def __call__(self, address: object) -> socket.socket:
        assert isinstance(address, tuple)
        self.addresses.append(address[4][0])
        if self._server is None:
            raise ConnectionRefusedError("nothing is dialled in a test")
        return _Redirected(httpx.URL(self._server))


class _Redirected(socket.socket):
    """Connects to the test's server, whatever address it is told: the public internet, for a test."""

    def __init__(self, server: httpx.URL) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        super().setblocking(False)
        self._server = (server.host, server.port or 0)

    def connect(self, address: object) -> None:
        super().connect(self._server)


class Names:
    """A resolver that gives `answers` one by one, the last again and again."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@asynccontextmanager
async def guarded(names: Names, dialled: Dialled, *, keepalive: float = 4.0) -> AsyncIterator[VendorHttp]:
    transport = GuardedTransport(look_up=names, make_socket=dialled, keepalive_seconds=keepalive)
    async with VendorHttp(transport) as http:
        yield http


async def post(http: VendorHttp, url: str, call: Call) -> Reply:
    return await http.send(VendorRequest("POST", httpx.URL(url), {}, b"{}"), call, max_bytes=1000)


async def refused(url: str, call: Call, *answers: list[str]) -> None:
    dialled = Dialled()
    async with guarded(Names(*answers or ([PUBLIC],)), dialled) as http:
        with pytest.raises(AddressRefused) as refusal:
            await post(http, url, call)
    assert dialled.addresses == []
    assert refusal.value.detail == "The URL does not lead to a public address; nothing was sent."


@pytest.mark.parametrize("address", [*PRIVATE, *UNREADABLE])
def test_what_is_not_on_the_public_internet_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", PUBLIC, "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"])
def test_what_is_public_is_known(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
def test_nothing_that_python_calls_special_is_public(address: object) -> None:
    if getattr(address, "is_private", False) or getattr(address, "is_multicast", False):
        assert not is_public(str(address))


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_with_a_private_address_is_refused(address: str, make_call: MakeCall) -> None:
    await refused("https://inside.example/hook", make_call(), [address])


@pytest.mark.parametrize("address", [address for address in PRIVATE if "%" not in address])
async def test_a_private_literal_which_no_resolver_sees_is_refused(address: str, make_call: MakeCall) -> None:
    host = f"[{address}]" if ":" in address else address
    await refused(f"https://{host}:8443/hook", make_call())


@pytest.mark.parametrize("host", ["2130706433", "127.1", "017700000001", "127.0.0.1.", "10.1"])
async def test_a_number_that_a_socket_would_read_as_an_address_is_refused(host: str, make_call: MakeCall) -> None:
    await refused(f"http://{host}/", make_call(), ["127.0.0.1"])


@pytest.mark.parametrize("host", ["0x7f.1", "0x7f000001", "localhost", "LOCALHOST.", "127.0.0.1.nip.io", "inside."])
async def test_a_name_is_judged_by_what_it_leads_to(host: str, make_call: MakeCall) -> None:
    await refused(f"https://{host}/", make_call(), ["127.0.0.1"])


@pytest.mark.parametrize("host", ["0x7f.1", "0x7f000001", "localhost", "LOCALHOST.", "ip6-localhost"])
async def test_the_systems_own_resolver_leads_none_of_these_inside(host: str, make_call: MakeCall) -> None:
    dialled = Dialled()
    async with VendorHttp(GuardedTransport(make_socket=dialled)) as http:
        with pytest.raises((AddressRefused, NotSent)):  # not every system knows each of these names
            await post(http, f"http://{host}/", make_call())
    assert dialled.addresses == []


@pytest.mark.parametrize("host", ["[fe80::1%251]", "[fe80::1%25lo]", "[2606:4700::1111%25lo]"])
async def test_a_zone_is_never_dialled(host: str, make_call: MakeCall) -> None:
    dialled = Dialled()
    async with guarded(Names([PUBLIC]), dialled) as http:
        with pytest.raises((AddressRefused, NotSent, httpx.InvalidURL)):
            await post(http, f"http://{host}/", make_call())
    assert dialled.addresses == []


@pytest.mark.parametrize("answer", [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "::1"]])
async def test_one_private_address_among_public_ones_has_the_name_refused(
    answer: list[str], make_call: MakeCall
) -> None:
    await refused("https://mixed.example/", make_call(), answer)


async def test_a_name_that_turns_private_is_refused_although_it_was_public_before(make_call: MakeCall) -> None:
    async with listening() as server:
        dialled = Dialled(server.url)
        async with guarded(Names([PUBLIC], ["127.0.0.1"]), dialled, keepalive=0.001) as http:
            assert (await post(http, "http://rebinds.example/", make_call())).status == 200
            await asyncio.sleep(0.01)  # longer than the connection is kept
            with pytest.raises(AddressRefused):
                await post(http, "http://rebinds.example/", make_call())
    assert dialled.addresses == [PUBLIC]
    assert server.connections == 1


async def test_the_address_that_was_checked_is_the_one_that_is_dialled(make_call: MakeCall) -> None:
    names, dialled = Names([PUBLIC], ["127.0.0.1"]), Dialled()
    async with guarded(names, dialled) as http:
        with pytest.raises(NotSent):
            await post(http, "https://once.example/", make_call())
    assert (names.asked, dialled.addresses) == (["once.example"], [PUBLIC])


async def test_what_a_resolver_let_through_is_still_refused_where_the_socket_is_made(
    make_call: MakeCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def careless(self: GuardedResolver, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
        return [{"hostname": host, "host": "10.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    monkeypatch.setattr(GuardedResolver, "resolve", careless)
    await refused("https://careless.example/", make_call())


async def test_a_redirect_to_a_private_address_is_an_answer_and_no_more(make_call: MakeCall) -> None:
    async with listening(_redirect) as server:
        dialled = Dialled(server.url)
        async with guarded(Names([PUBLIC]), dialled) as http:
            reply = await post(http, "http://moved.example/", make_call())
    assert (reply.status, dialled.addresses, len(server.received)) == (302, [PUBLIC], 1)


async def test_a_public_receiver_is_reached_and_sees_its_name(make_call: MakeCall) -> None:
    async with listening() as server, guarded(Names([PUBLIC, "1.1.1.1"]), Dialled(server.url)) as http:
        reply = await post(http, "http://client.example:8080/hook", make_call())
    assert reply.status == 200
    assert server.received[0].headers["host"] == "client.example:8080"


async def test_of_a_name_with_a_hundred_addresses_a_few_are_dialled(make_call: MakeCall) -> None:
    dialled = Dialled()
    async with guarded(Names([f"93.184.215.{number}" for number in range(100)]), dialled) as http:
        with pytest.raises(NotSent):
            await post(http, "https://many.example/", make_call())
    assert len(set(dialled.addresses)) == 4


async def test_a_name_that_does_not_exist_is_no_refusal(make_call: MakeCall) -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async with VendorHttp(GuardedTransport(look_up=unknown)) as http:
        with pytest.raises(NotSent):
            await post(http, "https://nowhere.example/", make_call())


async def test_a_look_up_that_hangs_ends_with_the_call(make_call: MakeCall) -> None:
    async def hang(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    async with VendorHttp(GuardedTransport(look_up=hang)) as http:
        with pytest.raises(NotSent):
            await post(http, "https://slow.example/", make_call(seconds=0.05))


async def test_a_name_whose_servers_hang_is_looked_up_once_for_all_who_ask(make_call: MakeCall) -> None:
    asked: list[str] = []
    answer = asyncio.Event()

    async def slow(host: str, port: int) -> list[str]:
        asked.append(host)
        await answer.wait()
        return [PUBLIC]

    async with (
        listening() as server,
        VendorHttp(GuardedTransport(look_up=slow, make_socket=Dialled(server.url))) as http,
    ):
        for _ in range(3):
            with pytest.raises(NotSent):
                await post(http, "http://slow.example/", make_call(seconds=0.02))
        waits = asyncio.create_task(post(http, "http://slow.example/", make_call()))
        await asyncio.sleep(0)
        answer.set()
        assert (await waits).status == 200
        assert asked == ["slow.example"]
        await post(http, "http://slow.example:81/", make_call())
    assert len(asked) == 2  # what was answered is not kept


async def _redirect(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
