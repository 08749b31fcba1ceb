"""What a mail looks like, and what becomes none."""

import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts.links import Purpose
from domain.accounts.mails import LinkWanted, Mail, Template
from domain.outcomes import Failed
from tests.strategies import NOON
from tests.vendors.email.samples import (
    ADDRESS,
    JOB,
    LINK,
    PURPOSES,
    SETTINGS,
    a_letter,
    a_mail,
    payload_of,
    read,
    token_of,
)
from vendors.email.templates import WORDS, is_plain_name
from vendors.email.wire import Letter, compose, read_mail


@pytest.mark.parametrize("template", list(Template))
def test_every_template_becomes_a_mail_of_two_bodies_that_say_the_same(template: Template) -> None:
    message, text, html = read(a_letter(a_mail(template, name="Ann")).content)
    assert message["To"] == ADDRESS
    assert message["From"] == "Our Gateway <gateway@gateway.example>"
    assert message["Subject"] == WORDS[template].subject
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Hello Ann," in text
    assert _words(re.sub("<[^>]*>", " ", html.partition("<body")[2].partition(">")[2])) == _words(text)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        (Template.CONFIRM, "/auth/confirmation"),
        (Template.RESET, "/auth/reset-password"),
        (Template.NEW_EMAIL, "/auth/confirmation"),
    ],
)
def test_a_link_leads_to_the_operators_page_and_the_token_can_be_used_without_it(template: Template, path: str) -> None:
    token = token_of(LINK, PURPOSES[template])
    _, text, html = read(a_letter(a_mail(template)).content)
    assert f"https://pages.example{path}#{token}" in text.split()
    assert f"request to https://gateway.example does the same: PUT {path}/{token} " in " ".join(text.split())
    assert f"https://gateway.example{path}/" not in text + html  # mail programs link it, and scanners ask for it
    assert f'<a href="https://pages.example{path}#{token}">' in html


def test_a_mail_is_the_same_over_every_attempt() -> None:
    assert a_letter() == a_letter()
    assert a_letter().message_id == f"<{JOB}@gateway.example>"
    message, _, _ = read(a_letter().content)
    assert message["Message-ID"] == a_letter().message_id


def test_it_is_ascii_in_lines_that_any_server_takes() -> None:
    lines = a_letter(a_mail(name="Zoë Müller")).content.split(b"\r\n")
    assert all(line.isascii() and len(line) <= 998 and b"\n" not in line for line in lines)


def test_a_long_address_arrives_in_one_piece() -> None:
    to = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.com"
    content = a_letter(a_mail(to=to)).content
    assert f"\r\nTo: {to}\r\n".encode() in content
    assert read(content)[0]["To"] == to


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@example.com, eve@example.com",
        "ann@example.com>",
        "Ann <ann@example.com>",
        '"ann eve"@example.com',
        "ann eve@example.com",
        "ann@exa mple.com",
        "ann@@example.com",
        ".ann@example.com",
        "ann@-example.com",
        "änn@example.com",
        "ann@exämple.com",
        "ann@example.com\x00",
        f"{'a' * 65}@example.com",
        f"ann@{'a.' * 130}com",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(to: str) -> None:
    refusal = read_mail(payload_of(a_mail(to=to)))
    assert isinstance(refusal, Failed)
    assert refusal.code == "email_address_refused"
    assert not to or to not in refusal.reason


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_lines_end_in_any_value_is_refused(end: str) -> None:
    smuggled = f"ann@example.com{end}Bcc: eve@example.com"
    named = Mail(to=ADDRESS, template=Template.PASSWORD_CHANGED, values={smuggled: "x"})
    for mail in (a_mail(to=smuggled), a_mail(name=smuggled), named):
        refusal = read_mail(payload_of(mail))
        assert isinstance(refusal, Failed)
        assert (refusal.code, "eve" in refusal.reason) == ("email_unfit", False)


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "null",
        "{}",
        '{"to": {"$gt": ""}, "template": "confirm"}',
        '{"to": "ann@example.com", "template": "other"}',
        '{"to": "ann@example.com", "template": "reset", "more": 1}',
        "[" * 100_000,
    ],
)
def test_a_payload_that_is_no_mail_is_refused(payload: str) -> None:
    refusal = read_mail(payload)
    assert isinstance(refusal, Failed)
    assert refusal.code == "email_unfit"


@pytest.mark.parametrize(
    "mail",
    [
        Mail(to=ADDRESS, template=Template.CONFIRM),
        Mail(to=ADDRESS, template=Template.CONFIRM, link=LinkWanted(LINK, Purpose.RESET)),
        Mail(to=ADDRESS, template=Template.PASSWORD_CHANGED, link=LinkWanted(LINK, Purpose.RESET)),
    ],
)
def test_a_mail_without_its_own_link_is_refused(mail: Mail) -> None:
    refusal = compose(mail, JOB, SETTINGS, token_of, NOON)
    assert isinstance(refusal, Failed)
    assert refusal.code == "email_unfit"


def test_what_comes_from_settings_and_tokens_is_escaped_in_html() -> None:
    settings = replace(SETTINGS, pages="https://pages.example/?a=1&b=<i>")
    letter = compose(a_mail(), JOB, settings, lambda *_: '"><script>', NOON)
    assert isinstance(letter, Letter)
    _, _, html = read(letter.content)
    assert "<script" not in html
    assert "<i>" not in html
    assert "a=1&amp;b=&lt;i&gt;" in html


@pytest.mark.parametrize("name", ["Ann", "Zoë", "Jean-Luc P. O'Neill", "李小龍", "José María", "Ann St."])
def test_a_plain_name_is_greeted(name: str) -> None:
    _, text, _ = read(a_letter(a_mail(name=name)).content)
    assert text.startswith(f"Hello {name},")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "evil.example",
        "https://evil.example",
        "<b>Ann</b>",
        "Call 0900 1234",
        "a" * 61,
        "Ann @ home",
        ". a",
        "x\u202ey",
    ],
)
def test_a_name_that_could_be_more_than_one_is_left_out(name: str) -> None:
    _, text, html = read(a_letter(a_mail(name=name)).content)
    assert text.startswith("Hello,")
    assert "<p>Hello,</p>" in html


@given(st.text())
def test_no_name_that_is_greeted_can_be_clicked_at_or_breaks_a_line(name: str) -> None:
    if is_plain_name(name):
        assert not set(name) & set('<>&"@:/\r\n0123456789_')
        assert not re.search(r"\.\S", name)


@given(st.emails() | st.text(), st.text())
def test_whatever_is_asked_for_becomes_one_header_of_each_or_nothing(to: str, name: str) -> None:
    mail = read_mail(payload_of(a_mail(to=to, name=name)))
    if isinstance(mail, Mail):
        message, _, _ = read(a_letter(mail).content)
        assert message.keys() == read(a_letter().content)[0].keys()
        assert message["To"] == to


def test_no_repr_shows_whom_it_goes_to_or_what_it_says() -> None:
    assert ADDRESS not in repr(a_letter())
    assert "token-of" not in repr(a_letter())


def _words(text: str) -> list[str]:
    return unescape(text).split()
