"""What `SMTP_URL` and the sender may say."""

import pytest

from vendors.email.addresses import read_sender
from vendors.email.settings import Security, SmtpServer, read_smtp_url


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 587, Security.STARTTLS)),
        ("smtps://mail.example/", SmtpServer("mail.example", 465, Security.TLS)),
        ("smtp://me:p%40ss@mail.example:25", SmtpServer("mail.example", 25, Security.STARTTLS, "me", "p@ss")),
        ("smtps://me%40x.example:p@[::1]:465", SmtpServer("::1", 465, Security.TLS, "me@x.example", "p")),
        ("smtp://127.0.0.1:1025", SmtpServer("127.0.0.1", 1025, Security.NONE)),
        ("smtp://localhost:1025", SmtpServer("localhost", 1025, Security.NONE)),
        ("smtp://me:p@localhost:1025", SmtpServer("localhost", 1025, Security.NONE, "me", "p")),
        ("smtp://localhost:1025?starttls=yes", SmtpServer("localhost", 1025, Security.STARTTLS)),
        ("smtp://relay:25?starttls=no", SmtpServer("relay", 25, Security.NONE)),
    ],
)
def test_a_url_names_a_server_and_how_safely_it_is_talked_to(url: str, server: SmtpServer) -> None:
    assert read_smtp_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://hunter2@mail.example",
        "smtp://",
        "smtp://:hunter2@",
        "smtp://mail.example:hunter2",
        "smtp://mail.example:0",
        "smtp://mail.example:99999",
        "smtp://mail.example/hunter2",
        "smtp://hunter2@mail.example",
        "smtp://me:hunter2%0d%0a@mail.example",
        "smtp://me:hunter2@mail.example?starttls=no",
        "smtp://mail.example?starttls=hunter2",
        "smtps://mail.example?starttls=no",
        "smtp://mail.example?tls=hunter2",
        "smtp://[hunter2",
    ],
)
def test_any_other_is_refused_with_a_remedy_and_without_a_piece_of_it(url: str) -> None:
    with pytest.raises(ValueError) as refusal:
        read_smtp_url(url)
    assert "hunter2" not in str(refusal.value)
    assert ": " in str(refusal.value) or "takes" in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_nobody_is_shown_the_password() -> None:
    assert "hunter2" not in repr(read_smtp_url("smtps://me:hunter2@mail.example"))


@pytest.mark.parametrize(
    "text", ["a@b.example", "A <a@b.example>", '"A, B" <a@b.example>', "Zoë <a@b.example>", "a@localhost"]
)
def test_a_sender_is_an_address_with_or_without_a_name(text: str) -> None:
    assert read_sender(text).addr_spec in {"a@b.example", "a@localhost"}


@pytest.mark.parametrize("text", ["", "a", "a@b.example\r\nBcc: c@d.example", "A <a>", "a@b.example, c@d.example"])
def test_any_other_sender_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_sender(text)
