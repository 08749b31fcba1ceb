"""The vendors of a chaos run: what they do is done once where it should be, and on record whatever happens to them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from loadtest.chaos.journal import Journal, read_journal
from loadtest.chaos.records import Call, CallEnded, Mode, Sent
from loadtest.chaos.tables import VENDORS, write_tables
from loadtest.chaos.vendor_faults import Faults, Treatment, deliveries_for
from tests.loadtest.chaos_vendors import SECRET, chaos_vendors
from vendors.table.reading import read_tables


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "vendor.jsonl"


class FaultsAsTold(Faults):
    """Treats calls as it was told, one after the other."""

    def __init__(self, *treatments: Treatment) -> None:
        super().__init__(1)
        self._told = list(treatments)

    def draw(self) -> Treatment:
        return self._told.pop(0)


async def test_a_repeated_key_has_its_answer_again_and_no_second_effect(journal: Path) -> None:
    async with chaos_vendors(journal) as vendors:
        first, second = await vendors.call("keyed", "a"), await vendors.call("keyed", "a")
        calls = [record for record in vendors.records() if isinstance(record, Call)]
    assert first.content == second.content
    assert [(call.effect, call.made) for call in calls] == [(1, True), (1, False)]


async def test_a_vendor_that_honours_no_keys_acts_on_every_request(journal: Path) -> None:
    async with chaos_vendors(journal) as vendors:
        first, second = await vendors.call("plain", "a"), await vendors.call("plain", "a")
        made = [record.made for record in vendors.records() if isinstance(record, Call)]
    assert first.content != second.content
    assert made == [True, True]


async def test_a_vendor_that_was_killed_remembers_its_keys(journal: Path) -> None:
    async with chaos_vendors(journal) as vendors:
        await vendors.call("keyed", "before")
        first = await vendors.call("keyed", "a")
    async with chaos_vendors(journal, calm=False) as vendors:
        second, other = await vendors.call("keyed", "a"), await vendors.call("keyed", "b")
    assert first.content == second.content != other.content


def test_half_a_line_of_a_killed_writer_spoils_no_other(journal: Path) -> None:
    journal.write_bytes(b'{"k":"mode","at":1')
    with Journal(journal) as anew:
        anew.write(Mode(at=2.0, calm=True))
    assert list(read_journal(journal)) == [Mode(at=2.0, calm=True)]


async def test_in_an_outage_of_all_every_connection_is_reset_and_then_welcome_again(journal: Path) -> None:
    async with chaos_vendors(journal) as vendors:
        await vendors.control("outage", seconds=0.3)
        await asyncio.sleep(0.1)
        with pytest.raises(httpx.TransportError):
            await vendors.call("keyed")
        assert (await _until_it_answers(vendors.call)).status_code == 200


async def test_a_vendor_that_refuses_listens_again_when_the_outage_is_over(journal: Path) -> None:
    async with chaos_vendors(journal) as vendors:
        await vendors.control("outage", seconds=0.3, refuse=True)
        await asyncio.sleep(0.1)
        with pytest.raises(httpx.ConnectError):
            await vendors.call("keyed")
        assert (await _until_it_answers(vendors.call)).status_code == 200


async def test_an_outage_of_one_vendor_is_none_of_the_others(journal: Path) -> None:
    async with chaos_vendors(journal) as vendors:
        await vendors.control("outage", seconds=5, vendor="plain")
        with pytest.raises(httpx.TransportError):
            await vendors.call("plain", "a")
        assert (await vendors.call("keyed")).status_code == 200
        cut = next(record for record in vendors.records() if isinstance(record, Call) and record.vendor == "plain")
    assert not cut.read
    assert cut.effect is None


async def test_a_webhook_is_sent_until_it_is_taken(journal: Path) -> None:
    answers, heard = [503, 202], asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % answers.pop(0))
        writer.close()
        if not answers:
            heard.set()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with chaos_vendors(journal, webhooks=f"http://127.0.0.1:{port}") as vendors:
            assert (await vendors.call("hooked", "a")).status_code == 202
            await asyncio.wait_for(heard.wait(), 5)
            while (await vendors.http.get(f"{vendors.url}/control/unsaid")).json()["unsaid"]:
                await asyncio.sleep(0.01)
            sent = [record for record in vendors.records() if isinstance(record, Sent)]
    assert [record.answered for record in sent] == [503, 202]
    assert len({record.event for record in sent}) == 1


async def test_arrival_is_when_the_bytes_came_and_not_when_a_busy_vendor_read_them(journal: Path) -> None:
    async with chaos_vendors(journal) as vendors:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(vendors.url.rpartition(":")[2]))
        await asyncio.sleep(0.05)
        writer.write(b"POST /keyed HTTP/1.1\r\nX-Request-ID: a\r\nContent-Length: 2\r\n\r\n{}")
        sent = time.monotonic()
        time.sleep(0.2)  # noqa: ASYNC251 - the loop is busy
        await reader.readline()
        writer.close()
        call = next(record for record in vendors.records() if isinstance(record, Call))
    assert abs(call.at - sent) < 0.1


@pytest.mark.parametrize("answered_after", [2.0, 0.25], ids=["still waiting", "about to answer"])
async def test_a_caller_that_has_gone_is_gone_from_when_it_said_so(journal: Path, answered_after: float) -> None:
    async with chaos_vendors(journal, faults=FaultsAsTold(Treatment(seconds=answered_after))) as vendors:
        _, writer = await asyncio.open_connection("127.0.0.1", int(vendors.url.rpartition(":")[2]))
        writer.write(
            b"POST /narrow HTTP/1.1\r\nX-Request-ID: a\r\nIdempotency-Key: a:call:1\r\nContent-Length: 2\r\n\r\n{}"
        )
        await asyncio.sleep(0.1)
        writer.close()
        await writer.wait_closed()
        gone = time.monotonic()
        time.sleep(0.3)  # noqa: ASYNC251 - the loop is busy
        while not (ended := [record for record in vendors.records() if isinstance(record, CallEnded)]):
            await asyncio.sleep(0.01)
    assert abs(ended[0].at - gone) < 0.1


async def test_a_call_that_is_cut_after_the_effect_is_on_record_with_it(journal: Path) -> None:
    faults = FaultsAsTold(Treatment("cut_after"), Treatment("refuse", 422))
    async with chaos_vendors(journal, faults=faults) as vendors:
        with pytest.raises(httpx.TransportError):
            await vendors.call("keyed", "a")
        assert (await vendors.call("keyed", "a")).status_code == 200  # it does not take back what it did
        calls = [record for record in vendors.records() if isinstance(record, Call)]
    assert [(call.answer, call.effect, call.made) for call in calls] == [("cut", 1, True), (200, 1, False)]


def test_the_tables_are_what_the_gateway_reads(tmp_path: Path) -> None:
    write_tables(tmp_path / "vendors.toml", "http://127.0.0.1:1")
    tables = read_tables([tmp_path / "vendors.toml"], {"GATEWAY_DEMO_WEBHOOK_SECRET": SECRET})
    assert set(tables) == set(VENDORS)
    assert {name: table.policy.repeatable for name, table in tables.items()} == {
        name: vendor.honours_keys for name, vendor in VENDORS.items()
    }


def test_how_a_jobs_webhooks_come_hangs_on_its_key_alone() -> None:
    plans = {deliveries_for(7, f"job-{number}", calm=False) for number in range(200)}
    assert deliveries_for(7, "job-1", calm=False) == deliveries_for(7, "job-1", calm=False)
    assert any(one.early for plan in plans for one in plan)
    assert any(one.forged for plan in plans for one in plan)


async def _until_it_answers(call: Callable[[str], Awaitable[httpx.Response]]) -> httpx.Response:
    while True:
        try:
            return await call("keyed")
        except httpx.TransportError:
            await asyncio.sleep(0.02)
