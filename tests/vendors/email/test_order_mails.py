"""What mails of orders look like: all that was ordered, nothing that a product's name could smuggle in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.accounts.mails import Mail, Template
from domain.commerce.notices import EVENTS
from domain.outcomes import Failed
from tests.strategies import NOON
from tests.vendors.email.samples import (
    ADDRESS,
    JOB,
    OF_AN_ORDER,
    SETTINGS,
    a_letter,
    a_mail,
    payload_of,
    read,
    token_of,
)
from vendors.email.templates import WORDS
from vendors.email.wire import compose, read_mail

OF_ORDERS = tuple(EVENTS)


def of_items(*items: str) -> Mail:
    return Mail(to=ADDRESS, template=Template.ORDER_PAID, values=OF_AN_ORDER, items=items)


@pytest.mark.parametrize("template", OF_ORDERS)
def test_it_names_the_order_each_line_and_the_total(template: Template) -> None:
    message, text, html = read(a_letter(a_mail(template)).content)
    for body in (text, html):
        assert OF_AN_ORDER["order"] in body
        assert "2 x Red mug: 39.98 USD" in body
        assert "1 x Blue mug: 5.00 USD" in body
        assert "In all: 44.98 USD." in body
    assert "{" not in text
    assert OF_AN_ORDER["order"] not in message["Subject"]


def test_no_two_events_have_one_subject() -> None:
    assert len({WORDS[template].subject for template in OF_ORDERS}) == len(OF_ORDERS)


def test_each_line_stands_on_its_own() -> None:
    _, text, html = read(a_letter(a_mail(Template.ORDER_PAID)).content)
    assert "\n  2 x Red mug: 39.98 USD\n  1 x Blue mug: 5.00 USD\n" in text.replace("\r\n", "\n")
    assert "<p>2 x Red mug: 39.98 USD<br>\n1 x Blue mug: 5.00 USD</p>" in html.replace("\r\n", "\n")


def test_a_name_is_shown_and_not_obeyed() -> None:
    _, text, html = read(a_letter(of_items('1 x <script>"&{total}</p>: 1.00 USD')).content)
    assert '1 x <script>"&{total}</p>: 1.00 USD' in text
    assert "<script" not in html
    assert "1 x &lt;script&gt;&quot;&amp;{total}&lt;/p&gt;: 1.00 USD" in html


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_lines_end_in_a_line_is_refused(end: str) -> None:
    refusal = read_mail(payload_of(of_items(f"1 x Mug{end}Bcc: eve@example.com")))
    assert isinstance(refusal, Failed)
    assert (refusal.code, "eve" in refusal.reason) == ("email_unfit", False)


@given(st.text(max_size=300))
def test_whatever_was_ordered_becomes_no_header(name: str) -> None:
    mail = read_mail(payload_of(of_items(f"1 x {name}: 1.00 USD")))
    if isinstance(mail, Mail):
        letter = a_letter(mail)
        assert read(letter.content)[0].items() == read(a_letter(a_mail(Template.ORDER_PAID)).content)[0].items()
        assert all(line.isascii() and len(line) <= 998 for line in letter.content.split(b"\r\n"))


@pytest.mark.parametrize("missing", list(OF_AN_ORDER))
def test_a_mail_that_lacks_what_it_is_about_is_refused(missing: str) -> None:
    values = {name: value for name, value in OF_AN_ORDER.items() if name != missing}
    refusal = compose(Mail(to=ADDRESS, template=Template.ORDER_PAID, values=values), JOB, SETTINGS, token_of, NOON)
    assert isinstance(refusal, Failed)
    assert refusal.code == "email_unfit"


def test_mails_of_accounts_are_stored_as_they_ever_were() -> None:
    """Workers of the version before know no `items`, and refuse what they do not know."""
    assert "items" not in payload_of(a_mail(Template.PASSWORD_CHANGED))
