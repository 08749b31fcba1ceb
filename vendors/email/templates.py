"""
What the mails say. Each is written once, as paragraphs, and shown as text and as HTML.

A name is a stranger's word and the mail may go to somebody else: one that could be read as more than a name, such as
an address to click at, is left out.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import fill
from types import MappingProxyType

from domain.accounts.links import Purpose
from domain.accounts.mails import Template
from vendors.email.order_templates import ORDER_WORDS
from vendors.email.words import ITEMS, LINK, Words

WIDTH = 72
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class ShownLink:
    """`call` is the request that a page there makes of the gateway, for who has none."""

    url: str
    call: str


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


WORDS: Mapping[Template, Words] = MappingProxyType(
    {
        Template.CONFIRM: Words(
            "Confirm your address",
            (
                "somebody, most likely you, registered this address. To confirm it, follow this link within 24 hours:",
                LINK,
                "If it was not you, do nothing: without the link nobody can use the account.",
            ),
            Purpose.CONFIRM,
        ),
        Template.ALREADY_REGISTERED: Words(
            "You have an account already",
            (
                "somebody, perhaps you, registered this address again. It has an account, and nothing was changed.",
                "If you have forgotten your password, ask for a new one. If it was not you, do nothing.",
            ),
        ),
        Template.RESET: Words(
            "Choose a new password",
            (
                "somebody, most likely you, asked for a new password. Follow this link within an hour to choose it:",
                LINK,
                "If it was not you, do nothing: your password stays as it is.",
            ),
            Purpose.RESET,
        ),
        Template.PASSWORD_CHANGED: Words(
            "Your password was changed",
            (
                "the password of your account was changed, and every session has been ended.",
                "If it was not you, ask for a new password at once. API keys go on: revoke those that you do not know.",
            ),
        ),
        Template.PASSWORD_RESET: Words(
            "Your password was changed",
            (
                "the password of your account was changed by a mailed link, and every session has been ended.",
                "Your API keys are revoked with it: make new ones for what goes on.",
                "If it was not you, somebody else reads your mail: see to that first, then ask for a new password.",
            ),
        ),
        Template.NEW_EMAIL: Words(
            "Confirm your new address",
            (
                "somebody, most likely you, wants this to be the address of their account. Confirm it by this link:",
                LINK,
                "It is good for 24 hours. Then only this address opens the account, and every session ends.",
                "If it was not you, do nothing: without the link nothing changes.",
            ),
            Purpose.NEW_EMAIL,
        ),
        Template.EMAIL_TAKEN: Words(
            "Your address was asked for",
            (
                "somebody, perhaps you, wants this to be the address of another account. Nothing was changed.",
                "It has an account of its own. If you want it for the other one, delete its own account first.",
                "If it was not you, do nothing.",
            ),
        ),
        Template.EMAIL_ASKED: Words(
            "Your address may soon be another",
            (
                "somebody who has your password, most likely you, asked for another address for your account.",
                "It changes when the link in a mail to that address is followed, within 24 hours.",
                "If it was not you, choose a new password at once: that voids the link, and ends every session.",
            ),
        ),
        Template.EMAIL_CHANGED: Words(
            "Your address was changed",
            (
                "your account has another address now, and every session has been ended.",
                "This one does not open it any more. If it was not you, tell those who run this gateway at once.",
            ),
        ),
        **ORDER_WORDS,
    }
)


def render(words: Words, name: str, link: ShownLink | None, place: str, items: Sequence[str] = ()) -> Rendered:
    """`place` is the gateway that sends it."""
    greeting = f"Hello {name}," if is_plain_name(name) else "Hello,"
    paragraphs = [greeting, *words.paragraphs, f"This mail was sent by {place}. Nobody reads answers to it."]
    text = "\n\n".join(
        _listed(items) if paragraph == ITEMS else _as_text(paragraph, link, place) for paragraph in paragraphs
    )
    html = "\n".join(
        f"<p>{_listed_in_html(items) if paragraph == ITEMS else _as_html(paragraph, link, place)}</p>"
        for paragraph in paragraphs
    )
    return Rendered(words.subject, f"{text}\n", _page(words.subject, html))


def is_plain_name(name: str) -> bool:
    """Whether it reads as a name and nothing else: letters, spaces, and points that end a word."""
    if not 0 < len(name) <= LONGEST_NAME or not name[0].isalpha():
        return False
    return all(_is_of_a_name(sign, then) for sign, then in zip(name, f"{name[1:]} ", strict=True))


def _is_of_a_name(sign: str, then: str) -> bool:
    if sign == ".":
        return then == " "  # anything else is linked by some programs
    return sign in " '’-" or unicodedata.category(sign)[0] in "LM"


def _as_text(paragraph: str, link: ShownLink | None, place: str) -> str:
    if paragraph != LINK or link is None:
        return fill(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"{link.url}\n\n{_otherwise(place)}\n\n{link.call}"


def _as_html(paragraph: str, link: ShownLink | None, place: str) -> str:
    if paragraph != LINK or link is None:
        return escape(paragraph)
    url = escape(link.url)
    told = f'<a href="{url}">{url}</a></p>\n<p>{escape(_otherwise(place))}</p>\n'
    return f"{told}<p><code>{escape(link.call)}</code>"


def _listed(items: Sequence[str]) -> str:
    lines = (fill(item, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False) for item in items)
    return "\n".join(lines)


def _listed_in_html(items: Sequence[str]) -> str:
    return "<br>\n".join(escape(item) for item in items)


def _otherwise(place: str) -> str:
    return f"If no page opens there, this request to {place} does the same:"


def _page(title: str, body: str) -> str:
    style = "font: 16px/1.5 sans-serif; max-width: 36em; overflow-wrap: anywhere"
    head = f'<meta charset="utf-8">\n<title>{escape(title)}</title>'
    return f'<!doctype html>\n<html lang="en">\n{head}\n<body style="{style}">\n{body}\n</body>\n</html>\n'
