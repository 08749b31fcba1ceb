"""The local inbox: whole files, one for each key, and not for ever."""

import asyncio
import stat
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from domain.errors import NotNow
from domain.outcomes import Done
from domain.request_ids import new_request_id
from domain.vendors import Call
from tests.strategies import NOON
from tests.vendors.email.samples import JOB, SETTINGS, a_call, a_letter, token_of
from vendors.email.adapter import NOT_CONFIGURED, Email, NoCarrier
from vendors.email.inbox import InboxCarrier, MailFolder, file_name


@pytest.fixture
def folder(tmp_path: Path) -> MailFolder:
    return MailFolder(tmp_path / "mail")


async def test_a_mail_becomes_a_file_that_its_owner_alone_may_read(folder: MailFolder, tmp_path: Path) -> None:
    vendor = Email(InboxCarrier(folder), SETTINGS, token_of, clock=lambda: NOON)
    assert isinstance(await vendor.call(a_call()), Done)
    [file] = (tmp_path / "mail").iterdir()
    assert (file.name, file.read_bytes()) == (f"{JOB}-call-1.eml", a_letter().content)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert vendor.policy.repeatable


async def test_a_key_makes_one_file_and_a_retry_another(folder: MailFolder) -> None:
    carrier = InboxCarrier(folder)
    for generation in (1, 1, 2):
        await carrier.send(a_letter(), a_call(generation=generation))
    assert folder.names() == [f"{JOB}-call-2.eml", f"{JOB}-call-1.eml"]


async def test_a_file_that_is_there_is_not_written_again(folder: MailFolder) -> None:
    folder.put(file_name(a_call()), b"the first")
    folder.put(file_name(a_call()), b"the second")
    assert folder.read(file_name(a_call())) == b"the first"


async def test_many_at_once_are_all_kept_and_nothing_else_is_left(folder: MailFolder, tmp_path: Path) -> None:
    calls = [Call(new_request_id(), "", timedelta(seconds=5)) for _ in range(20)]
    await asyncio.gather(*(InboxCarrier(folder).send(a_letter(), call) for call in [*calls, *calls]))
    assert sorted(file.name for file in (tmp_path / "mail").iterdir()) == sorted(file_name(call) for call in calls)


def test_the_newest_come_first_and_the_oldest_go(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path, most_kept=3)
    names = [f"{UUID(int=number)}-call-1.eml" for number in range(5)]
    for name in names:
        folder.put(name, b"x")
    assert folder.names() == [names[4], names[3], names[2]]


def test_an_inbox_that_nobody_wrote_to_is_empty(folder: MailFolder) -> None:
    assert folder.names() == []
    assert folder.read(f"{JOB}-call-1.eml") is None


@pytest.mark.parametrize("name", ["../secret", "secret", f"../{JOB}-call-1.eml", f"{JOB}-call-1.eml\n", "", "."])
def test_nothing_but_mails_can_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "secret").write_text("hunter2")
    (tmp_path / f"{JOB}-call-1.eml").write_text("hunter2")
    assert MailFolder(tmp_path / "mail").read(name) is None


async def test_a_mail_that_may_not_leave_now_does_not(folder: MailFolder) -> None:
    async def gate() -> None:
        raise NotNow("held back", until=NOON)

    with pytest.raises(NotNow):
        await InboxCarrier(folder).send(a_letter(), a_call(gate=gate))
    assert folder.names() == []


async def test_without_any_server_a_mail_says_what_is_missing() -> None:
    vendor = Email(NoCarrier(), SETTINGS, token_of)
    assert await vendor.call(a_call()) == NOT_CONFIGURED
    assert "SMTP_URL" in NOT_CONFIGURED.reason
