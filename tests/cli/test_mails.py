"""By which server mails leave, as the settings say, and the local inbox where none is set."""

import logging
from datetime import UTC, datetime

import pytest
from httpx import ASGITransport, AsyncClient
from litestar.types import Receive, Scope, Send

from cli import doctor
from cli.home import Home
from cli.local_inbox import InboxInHome, with_local_inbox
from cli.mail_servers import mail_server
from cli.mails import mail_folder, open_email, tell_way
from cli.settings import DOTENV, Settings, load_settings
from domain.errors import ConfigurationError
from domain.outcomes import Done
from tests.vendors.email.samples import ADDRESS, JOB, a_call, a_letter, token_of
from vendors.email.adapter import NOT_CONFIGURED
from vendors.email.settings import GmailAccount, Security, SmtpServer

GMAIL = {
    "GMAIL_CLIENT_ID": "id",
    "GMAIL_CLIENT_SECRET": "hunter2",
    "GMAIL_REFRESH_TOKEN": "hunter3",
    "GMAIL_FROM": "Us <us@gmail.example>",
}


@pytest.fixture(autouse=True)
def no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMTP_URL", *GMAIL):
        monkeypatch.delenv(name, raising=False)


def settings_of(home: Home, env: str = "development", **more: str) -> Settings:
    return load_settings({"home": str(home.path), "env": env, **more})


def now() -> datetime:
    return datetime.now(UTC)


async def test_in_development_a_mail_lands_in_the_home(home: Home) -> None:
    settings = settings_of(home)
    async with open_email(settings, token_of, now) as email:
        assert isinstance(await email.call(a_call()), Done)
    assert mail_folder(settings).names() == [f"{JOB}-call-1.eml"]
    assert [file.name for file in (home.path / "mail").iterdir()] == [f"{JOB}-call-1.eml"]


async def test_in_production_without_a_server_it_starts_and_mails_say_what_is_missing(home: Home) -> None:
    async with open_email(settings_of(home, "production"), token_of, now) as email:
        assert await email.call(a_call()) == NOT_CONFIGURED
    assert not (home.path / "mail").exists()


async def test_an_smtp_server_is_used_in_development_too(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:1")
    settings = settings_of(home, mail_from="us@example.com", email_limit="10/second")
    async with open_email(settings, token_of, now) as email:
        assert email.policy.limit == "10/second"
        assert not email.policy.repeatable
    assert with_local_inbox(settings, an_app) is an_app


def test_the_server_may_stand_in_dotenv() -> None:
    DOTENV.write_text("SMTP_URL=smtps://me:hunter2@mail.example\n")
    assert mail_server() == (SmtpServer("mail.example", 465, Security.TLS, "me", "hunter2"), None)


def test_gmail_needs_all_of_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GMAIL.items():
        monkeypatch.setenv(name, value)
    assert mail_server() == (GmailAccount("id", "hunter2", "hunter3"), "Us <us@gmail.example>")
    monkeypatch.delenv("GMAIL_REFRESH_TOKEN")
    with pytest.raises(ConfigurationError, match=r"GMAIL_REFRESH_TOKEN: .*set it"):
        mail_server()


async def test_two_servers_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**GMAIL, "SMTP_URL": "smtp://mail.example"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="take the other away"):
        mail_server()


@pytest.mark.parametrize(
    ("url", "flags", "named"),
    [
        ("http://me:hunter2@mail.example", {"mail_from": "us@example.com"}, "SMTP_URL"),
        ("smtp://mail.example", {}, "GATEWAY_MAIL_FROM"),
        ("smtp://mail.example", {"mail_from": "nobody"}, "GATEWAY_MAIL_FROM"),
        ("smtp://mail.example", {"mail_from": "us@example.com", "email_limit": "fast"}, "GATEWAY_EMAIL_LIMIT"),
    ],
)
async def test_a_wrong_setting_is_refused_by_name_and_shows_no_secret(
    home: Home, monkeypatch: pytest.MonkeyPatch, url: str, flags: dict[str, str], named: str
) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    with pytest.raises(ConfigurationError) as refusal:
        async with open_email(settings_of(home, "production", **flags), token_of, now):
            pass
    assert refusal.value.detail.startswith(f"{named}: ")
    assert "hunter2" not in refusal.value.detail


def test_how_mails_leave_is_told_without_a_secret(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tell_way(settings_of(home, "production")) is None
    assert "/dev/mail" in (tell_way(settings_of(home)) or "")
    monkeypatch.setenv("SMTP_URL", "smtps://me:hunter2@mail.example")
    told = tell_way(settings_of(home, "production", mail_from="us@example.com")) or ""
    assert ("mail.example:465" in told, "us@example.com" in told, "hunter2" in told) == (True, True, False)


def test_the_doctor_says_that_no_mail_is_sent(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    flags = {"home": str(home.path), "mongo_url": "mongodb://127.0.0.1:1", "redis_url": "redis://127.0.0.1:1/0"}
    report = doctor.Report()
    doctor._examine_mails(load_settings(flags), report)
    assert report.faults == 0
    assert "email_not_configured" in capsys.readouterr().out


async def test_the_inbox_reads_the_files_back_as_they_were_meant(home: Home) -> None:
    settings = settings_of(home)
    folder = mail_folder(settings)
    folder.put(f"{JOB}-call-1.eml", a_letter().content)
    [mail] = await InboxInHome(folder).newest(10)
    assert (mail.to, mail.subject) == (ADDRESS, "Confirm your address")
    assert f"https://pages.example/auth/confirmation#{token_of_letter()}" in mail.text
    assert await InboxInHome(folder).find(mail.name) == mail
    assert await InboxInHome(folder).find("../bootstrap.key") is None


async def test_the_page_is_served_beside_the_api_in_development_only(home: Home) -> None:
    assert with_local_inbox(settings_of(home, "production"), an_app) is an_app
    served = with_local_inbox(settings_of(home), an_app)
    async with AsyncClient(transport=ASGITransport(served), base_url="http://localhost") as client:  # type: ignore[arg-type]
        assert (await client.get("/dev/mail")).status_code == 200
        assert (await client.get("/jobs")).status_code == 418


async def test_no_log_shows_whom_a_mail_goes_to_or_what_it_says(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with open_email(settings_of(home), token_of, now) as email:
        await email.call(a_call())
    assert ADDRESS not in caplog.text
    assert "token-of" not in caplog.text


def test_no_flag_or_child_process_is_told_a_mail_servers_secret(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtps://me:hunter2@mail.example")
    settings = settings_of(home)
    assert "hunter2" not in repr(settings)
    assert not [name for name in settings.as_environment() if "SMTP" in name]


def token_of_letter() -> str:
    return "token-of-confirm-aaaa"


async def an_app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
