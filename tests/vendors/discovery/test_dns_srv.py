"""Instances from SRV records, asked of a name server on a real socket."""

from collections.abc import AsyncIterator

import pytest
from dns.rcode import Rcode
from structlog.testing import capture_logs

from domain.balancing.instances import Instance
from tests.vendors.discovery.dns_double import DnsDouble, name_server
from tests.vendors.discovery.listening import Naps, heard
from vendors.discovery.dns_srv import DnsSrv

NAME = "_http._tcp.user.example"
A, B = Instance("http://a.example:8001"), Instance("http://b.example:8002")


@pytest.fixture
async def dns() -> AsyncIterator[DnsDouble]:
    async with name_server("0 1 8002 b.example.", "0 1 8001 a.example.") as double:
        yield double


@pytest.fixture
def naps() -> Naps:
    return Naps()


def srv(dns: DnsDouble, naps: Naps) -> DnsSrv:
    return DnsSrv(NAME, dns.resolver(), sleep=naps)


async def test_each_record_is_an_instance(dns: DnsDouble, naps: Naps) -> None:
    async with heard(srv(dns, naps)) as lists:
        await naps.begun()
    assert lists == [(A, B)]
    assert dns.asked == [f"{NAME}. IN SRV"]


async def test_a_change_is_told_and_another_order_is_none(dns: DnsDouble, naps: Naps) -> None:
    async with heard(srv(dns, naps)) as lists:
        await naps.begun()
        dns.records.reverse()
        await naps.once_more()
        assert lists == [(A, B)]
        dns.records.pop()
        await naps.once_more()
    assert lists == [(A, B), (A,)]


async def test_it_is_asked_again_when_the_time_to_live_is_over_and_no_sooner_than_in_a_second(
    dns: DnsDouble, naps: Naps
) -> None:
    async with heard(srv(dns, naps)):
        assert await naps.begun() == 60
        dns.ttl = 0
        assert await naps.once_more() == 1
        dns.ttl = 86400
        assert await naps.once_more() == 300


async def test_priorities_are_taken_and_of_one_address_the_best(dns: DnsDouble, naps: Naps) -> None:
    dns.records = ["20 1 1 late.example.", "10 1 8001 a.example.", "20 5 8001 a.example."]
    async with heard(srv(dns, naps)) as lists:
        await naps.begun()
    assert lists == [(Instance(A.url, priority=10), Instance("http://late.example:1", priority=20))]


async def test_weights_are_taken_and_nothing_is_a_small_one(dns: DnsDouble, naps: Naps) -> None:
    dns.records = ["0 0 8001 a.example.", "0 60 8002 b.example."]
    async with heard(srv(dns, naps)) as lists:
        await naps.begun()
    assert [[each.weight for each in instances] for instances in lists] == [[1, 60]]


async def test_a_record_that_is_no_address_does_not_hide_the_others(dns: DnsDouble, naps: Naps) -> None:
    dns.records += ["0 1 0 portless.example.", "0 1 80 a/b.example.", "0 1 80 me@b.example."]
    async with heard(srv(dns, naps)) as lists:
        await naps.begun()
    assert lists == [(A, B)]


async def test_an_answer_that_udp_has_no_room_for_is_fetched_over_tcp(dns: DnsDouble, naps: Naps) -> None:
    dns.truncated = True
    async with heard(srv(dns, naps)) as lists:
        await naps.begun()
    assert lists == [(A, B)]


@pytest.mark.parametrize("rcode", [Rcode.NXDOMAIN, Rcode.SERVFAIL, Rcode.REFUSED])
async def test_trouble_is_told_once_and_the_last_list_stays(dns: DnsDouble, naps: Naps, rcode: Rcode) -> None:
    with capture_logs() as logs:
        async with heard(srv(dns, naps)) as lists:
            await naps.begun()
            dns.rcode = rcode
            assert [await naps.once_more() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
            dns.rcode = Rcode.NOERROR
            await naps.once_more()
    assert lists == [(A, B)]
    assert [(line["log_level"], line["service"]) for line in logs] == [("warning", NAME), ("info", NAME)]


@pytest.mark.parametrize("records", [[], ["0 0 0 ."], ["0 1 80 ."]])
async def test_that_nobody_is_there_is_told_once_and_not_believed(
    dns: DnsDouble, naps: Naps, records: list[str]
) -> None:
    with capture_logs() as logs:
        async with heard(srv(dns, naps)) as lists:
            await naps.begun()
            dns.records = records
            await naps.once_more()
            await naps.once_more()
    assert lists == [(A, B)]
    assert [line["log_level"] for line in logs] == ["warning"]


async def test_an_answer_that_is_rubbish_is_no_answer(dns: DnsDouble, naps: Naps) -> None:
    """Slow: a quarter of a second in which a better answer might come."""
    dns.rubbish = True
    with capture_logs() as logs:
        async with heard(srv(dns, naps)) as lists:
            await naps.begun()
    assert lists == []
    assert [line["log_level"] for line in logs] == ["warning"]


async def test_a_name_that_is_none_is_trouble_too(dns: DnsDouble, naps: Naps) -> None:
    async with heard(DnsSrv("a..b", dns.resolver(), sleep=naps)) as lists:
        await naps.begun()
    assert (lists, dns.asked) == ([], [])
