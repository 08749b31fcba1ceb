"""E-mail addresses and usernames: one spelling a key, nothing invisible, nobody's office."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.credentials import ADMIN
from domain.accounts.making_admins import OPERATOR
from domain.accounts.names import is_own_name, read_email, read_username
from domain.callers import ANONYMOUS
from domain.errors import FieldError, Invalid
from domain.infra.post import CLIENT

ATOM = "abcXYZ019!#$%&'*+-/=?^_`{|}~"

REFUSED = {
    "nothing": "",
    "no at": "jane.example.com",
    "two ats": "jane@evil.example@example.com",
    "nobody": "@example.com",
    "nowhere": "jane@",
    "a host of one label": "jane@localhost",
    "an address in numbers": "jane@127.0.0.1",
    "an address in brackets": "jane@[127.0.0.1]",
    "a top level of digits": "jane@example.123",
    "an empty label": "jane@example..com",
    "a dot at the end": "jane@example.com.",
    "a label that begins with a hyphen": "jane@-example.com",
    "a label that ends with a hyphen": "jane@example-.com",
    "a label of 64": f"jane@{'a' * 64}.com",
    "an underscore in the domain": "jane@exa_mple.com",
    "two dots": "jane..doe@example.com",
    "a dot first": ".jane@example.com",
    "a dot last": "jane.@example.com",
    "a local part of 65": f"{'a' * 65}@example.com",
    "255 characters": f"{'a' * 64}@{'b' * 62}.{'c' * 62}.{'d' * 60}.com",
    "a megabyte": "a" * 1_000_000 + "@example.com",
    "a quoted name": '"jane doe"@example.com',
    "a comment": "jane(admin)@example.com",
    "angle brackets": "Jane <jane@example.com>",
    "a list": "jane@example.com,joe@example.com",
    "a space before": " jane@example.com",
    "a space behind": "jane@example.com ",
    "a line break": "jane@example.com\n",
    "another header": "jane@example.com\r\nBcc: victim@example.com",
    "a header in the name": "jane\r\nBcc: victim@example.com",
    "a null": "jane\x00@example.com",
    "a delete": "jane\x7f@example.com",
    "a Cyrillic a": "j\u0430ne@example.com",
    "a Cyrillic a in the domain": "jane@ex\u0430mple.com",
    "a fullwidth at": "jane\uff20example.com",
    "a fullwidth dot": "jane@example\uff0ecom",
    "a zero-width space": "jane\u200b@example.com",
    "a zero-width joiner": "jane@exam\u200dple.com",
    "a turned direction": "jane\u202e@example.com",
    "a dotless i": "jan\u0131@example.com",
    "a Kelvin sign": "\u212aate@example.com",
    "a combining accent": "jane\u0301@example.com",
    "a no-break space": "jane\u00a0@example.com",
    "half a character": "jane\ud800@example.com",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_plain_address_is_refused_with_a_pointer_and_a_remedy(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_email(text)
    (fault,) = refusal.value.errors
    assert fault.pointer == "/email"
    assert refusal.value.detail == f"/email {fault.detail}"


@pytest.mark.parametrize("text", ["jane\r\nBcc: victim@example.com", "j\u0430ne@example.com", "x" * 300])
def test_a_refusal_repeats_nothing_of_what_was_sent(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_email(text)
    assert "victim" not in str(refusal.value)
    assert "xxx" not in str(refusal.value)
    assert "\u0430" not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "jane@example.com",
        "Jane.O'Doe+shop@Mail.Example.CO.UK",
        "a@b.cd",
        "1@2.three",
        "jane@xn--bcher-kva.example",
        "jane@3com.com",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.com",
    ],
)
def test_an_address_is_shown_as_it_was_given_and_compared_in_lower_case(text: str) -> None:
    assert read_email(text) == (text, text.lower())


@given(
    st.text(ATOM, min_size=1, max_size=64),
    st.lists(st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?", fullmatch=True), max_size=3),
    st.from_regex(r"[a-zA-Z]{2,8}", fullmatch=True),
)
def test_a_key_is_its_own_key_and_every_case_of_an_address_has_it(local: str, labels: list[str], top: str) -> None:
    text = f"{local}@{'.'.join([*labels, 'example', top])}"
    key = read_email(text).key
    assert read_email(key) == (key, key)
    assert read_email(text.upper()).key == key


@given(st.text(max_size=300))
def test_any_text_is_an_address_in_ascii_or_refused(text: str) -> None:
    try:
        shown, key = read_email(text)
    except Invalid:
        return
    assert shown == text
    assert key.isascii()
    assert key.isprintable()


def test_the_field_is_named_as_the_route_calls_it() -> None:
    with pytest.raises(Invalid) as refusal:
        read_email("", field="to")
    assert [fault.pointer for fault in refusal.value.errors] == ["/to"]


@pytest.mark.parametrize("text", ["jane", "Jane.Doe_2-x", "abc", "a" * 32])
def test_a_username_is_shown_as_it_was_given_and_compared_in_lower_case(text: str) -> None:
    assert read_username(text) == (text, text.lower())


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "ab",
            "a" * 33,
            "1jane",
            ".jane",
            "-jane",
            "_jane",
            "jane doe",
            "jane@example.com",
            "jane\n",
            "j\u0430ne",
        ),
        *("jane\u200b", "\uff4aane", "jane/../x", "jane\x00", "$gt", "a" * 1_000_000),
    ],
    ids=range(17),
)
def test_what_is_no_plain_username_is_refused_with_a_pointer_and_a_remedy(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_username(text)
    detail = "must be 3 to 32 of A-Z a-z 0-9 . _ - and begin with a letter, such as jane.doe"
    assert refusal.value.errors == (FieldError("/username", detail),)


@pytest.mark.parametrize(
    "text",
    [
        *("admin", "ADMIN", "ad.min", "Root", "r-o_o.t", "gateway", "anonymous", "no-reply", "bootstrap"),
        *("G4teway", "gatevvay", "adrnin", "Adm1n", "adm.ln", "operat0r", "sy5tem", "b00tstrap"),
    ],
)
def test_the_name_of_an_office_is_nobodys_however_it_is_spelt(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_username(text)
    assert refusal.value.errors == (FieldError("/username", "is reserved; choose another"),)


@pytest.mark.parametrize("name", [CLIENT, ADMIN.client, ANONYMOUS.client, OPERATOR])
def test_what_the_gateway_itself_acts_by_is_its_own_name(name: str) -> None:
    assert is_own_name(name)


@pytest.mark.parametrize(
    "text",
    [
        *("Gateway", "  gate-way ", "G4T3WAY", "g@tew@y", "gàtewäy", "ｇａｔｅｗａｙ", "𝐠𝐚𝐭𝐞𝐰𝐚𝐲", "gate\u200bway"),
        *("g\u0430t\u0435w\u0430y", "\u03b1dmin", "adm|n", "An0nymous"),
    ],
)
def test_a_look_alike_of_it_is_too_in_any_script(text: str) -> None:
    assert is_own_name(text)


@pytest.mark.parametrize("text", ["", "gateways", "my gateway", "billing", "gate", "administration", "网关"])
def test_another_name_is_not(text: str) -> None:
    assert not is_own_name(text)
