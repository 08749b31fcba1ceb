"""`deploy/fetch-config` against an API on a real socket: what a service starts with, come what may."""

import ast
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.ports import ApiPorts
from domain.callers import Caller, Role
from tests.cli.test_server import serving
from tests.fake_control import FakeControl
from tests.fakes import FakeCallers, FakeJobs, FakeVendorStates
from tests.fakes_accounts import fake_accounts
from tests.fakes_configurations import FakeConfigurations, a_configuration

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "fetch-config"
STRANGE = (
    b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 9\r\n\r\n{}',
    b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 2\r\n\r\n[]',
    b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 1\r\n\r\n{',
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b'HTTP/1.1 304 X\r\nETag: "1"\r\n\r\n',
    b"what?",
)
NEWER = a_configuration(number=2, text='{"b" : 2.0}')


@dataclass(frozen=True)
class Said:
    code: int
    text: str
    out: Path

    @property
    def note(self) -> list[str]:
        return Path(f"{self.out}.version").read_text().split()


Fetch = Callable[..., Coroutine[None, None, Said]]


@pytest.fixture
def kept() -> FakeConfigurations:
    kept = FakeConfigurations()
    kept.stored["orders"] = [a_configuration()]
    return kept


@pytest.fixture
def ports(kept: FakeConfigurations) -> ApiPorts:
    jobs = FakeJobs()
    return ApiPorts(
        intake=jobs,
        jobs=jobs,
        control=FakeControl(jobs),
        vendors=frozenset({"sync"}),
        vendor_states=FakeVendorStates(),
        callers=FakeCallers(
            svc=Caller("service:orders", Role.SERVICE),
            other=Caller("service:users", Role.SERVICE),
            person=Caller("acme", Role.USER),
        ),
        anonymous_allowed=False,
        cursor_secret=b"s" * 32,
        health=(),
        accounts=fake_accounts(),
        configurations=kept,
    )


@pytest.fixture
async def url(ports: ApiPorts) -> AsyncIterator[str]:
    async with serving(ports) as (_, client):
        yield str(client.base_url)


@pytest.fixture
def fetch(url: str, tmp_path: Path) -> Fetch:
    async def run(*args: str, key: str = "svc", url: str = url, wait: float = 0) -> Said:
        out = tmp_path / "config.json"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", SCRIPT, "--url", url, "--service", "orders", "--out", str(out)),
            *("--wait", str(wait), *args),
            env={"PATH": os.environ["PATH"], "GATEWAY_API_KEY": key, "no_proxy": "*"},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        assert process.returncode is not None
        assert b"Traceback" not in said
        return Said(process.returncode, said.decode(), out)

    return run


@asynccontextmanager
async def dripping(head: bytes) -> AsyncIterator[str]:
    """Who goes on saying a little, for as long as anybody listens."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await reader.readuntil(b"\r\n\r\n")
        gone = asyncio.create_task(reader.read())
        for _ in range(150):
            writer.write(b" ")
            await asyncio.wait({gone}, timeout=0.1)
            if gone.done():
                break
        gone.cancel()
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def stranger(answer: bytes) -> AsyncIterator[str]:
    """Who says the same to everybody."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_the_file_is_the_object_as_it_was_put_and_the_version_stands_beside_it(
    fetch: Fetch, kept: FakeConfigurations
) -> None:
    first = await fetch()
    assert (first.code, first.out.read_text(), first.note[0]) == (0, '{"a":1}', "1")
    await kept.add(NEWER)
    second = await fetch()
    assert (second.code, second.out.read_text(), second.note[0]) == (0, '{"b" : 2.0}', "2")
    assert "version 2 of orders" in second.text
    assert sorted(path.name for path in second.out.parent.iterdir()) == ["config.json", "config.json.version"]


async def test_a_file_that_somebody_changed_or_cut_is_fetched_anew(fetch: Fetch) -> None:
    said = await fetch()
    for spoilt in ('{"a":', '{"a":2}', "[" * 100_000):
        said.out.write_text(spoilt)
        assert ((await fetch()).code, said.out.read_text()) == (0, '{"a":1}')


async def test_what_is_newest_already_is_left_as_it_is(fetch: Fetch) -> None:
    before = (await fetch()).out.stat()
    assert (await fetch()).code == 0
    after = (await fetch()).out.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_while_nobody_answers_the_last_good_copy_does_unless_it_must_be_fresh(
    fetch: Fetch, kept: FakeConfigurations
) -> None:
    assert (await fetch()).code == 0
    kept.down = True
    for nowhere in ({}, {"url": "http://127.0.0.1:1"}):
        said = await fetch(**nowhere)
        assert (said.code, said.out.read_text()) == (0, '{"a":1}')
        assert "last good copy, version 1" in said.text
        assert (await fetch("--fresh", **nowhere)).code == 69


async def test_without_a_copy_it_fails_and_says_why(fetch: Fetch, kept: FakeConfigurations) -> None:
    said = await fetch(url="http://127.0.0.1:1")
    assert (said.code, said.out.exists()) == (69, False)
    assert "no gateway can be reached at http://127.0.0.1:1" in said.text
    kept.down = True
    assert "answered 503" in (await fetch()).text


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 O", b'HTTP/1.1 200 OK\r\nETag: "2"\r\nContent-Length: 900\r\n\r\n{'])
async def test_an_answer_that_drips_is_waited_for_no_longer_than_any_other(fetch: Fetch, head: bytes) -> None:
    assert (await fetch()).code == 0
    async with dripping(head) as url, asyncio.timeout(10):
        said = await fetch(url=url)
    assert (said.code, said.out.read_text()) == (0, '{"a":1}')
    assert "last good copy" in said.text


async def test_it_waits_for_a_gateway_that_comes_back(fetch: Fetch, kept: FakeConfigurations) -> None:
    """Slow: the gateway says that it is worth asking again after a second."""
    kept.down = True
    fetching = asyncio.create_task(fetch(wait=60))
    while not kept.asked:
        await asyncio.sleep(0.01)
    kept.down = False
    assert (await fetching).code == 0


@pytest.mark.parametrize(
    ("key", "status", "remedy"),
    [("nobody", 401, "GATEWAY_API_KEY"), ("person", 403, "role service"), ("other", 404, "another service's")],
)
async def test_what_asking_again_would_not_help_is_told_at_once_whatever_copy_there_is(
    fetch: Fetch, key: str, status: int, remedy: str
) -> None:
    await fetch()
    said = await fetch(key=key, wait=60)
    assert said.code == 1
    assert f"answered {status}" in said.text
    assert remedy in said.text


async def test_a_gateway_that_went_back_is_believed_and_told_of(fetch: Fetch, kept: FakeConfigurations) -> None:
    await kept.add(NEWER)
    await fetch()
    kept.stored["orders"].pop()
    said = await fetch()
    assert (said.code, said.out.read_text()) == (0, '{"a":1}')
    assert "went back from version 2 to 1" in said.text


@pytest.mark.parametrize("answer", STRANGE, ids=range(len(STRANGE)))
async def test_what_no_gateway_says_is_never_kept(fetch: Fetch, answer: bytes) -> None:
    async with stranger(answer) as url:
        said = await fetch(url=url)
    assert said.code in {1, 69}
    assert not said.out.exists()


async def test_a_number_that_python_would_not_read_is_taken_as_it_is(fetch: Fetch, kept: FakeConfigurations) -> None:
    kept.stored["orders"] = [a_configuration(text=f'{{"a":{"9" * 5000}}}')]
    said = await fetch()
    assert (said.code, len(said.out.read_text())) == (0, 5006)


async def test_a_proxy_that_weakened_the_tag_is_understood(fetch: Fetch) -> None:
    async with stranger(b'HTTP/1.1 200 OK\r\nETag: W/"7"\r\nContent-Length: 2\r\n\r\n{}') as proxy:
        said = await fetch(url=proxy)
    assert (said.code, said.note[0]) == (0, "7")


async def test_a_redirect_is_not_followed_since_the_key_would_go_along(fetch: Fetch, url: str) -> None:
    answer = f"HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: {url}/config/orders\r\n\r\n"
    async with stranger(answer.encode()) as elsewhere:
        said = await fetch(url=elsewhere)
    assert (said.code, said.out.exists()) == (1, False)
    assert "answered 302" in said.text


async def test_wrong_usage_and_a_folder_that_is_not_there_are_told(fetch: Fetch, tmp_path: Path) -> None:
    assert (await fetch(key="")).code == 2
    assert (await fetch("--key-file", str(tmp_path / "none"))).code == 2
    assert (await fetch("--service", "a/../b")).code == 2
    assert (await fetch("--url", "http://[::1")).code == 2
    assert (await fetch("--url", "http://gateway:port")).code == 2
    assert (await fetch("--out", str(tmp_path / "none" / "config.json"))).code == 73


async def test_the_key_may_stand_in_a_file_and_is_never_said(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("svc\n")
    assert (await fetch("--key-file", str(tmp_path / "key"), key="nobody")).code == 0
    (tmp_path / "key").write_text("gwk_confidential")
    assert "confidential" not in (await fetch("--key-file", str(tmp_path / "key"))).text


def test_it_needs_no_newer_python_than_it_says() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 8))
    assert os.access(SCRIPT, os.X_OK)
