"""Where short links may lead to: to listed hosts, by http or https, and to nothing that a browser reads differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commerce.short_links import (
    LONGEST_URL,
    Destinations,
    hosts_of,
    is_code,
    new_code,
    read_hosts,
)
from domain.errors import Invalid

HERE = Destinations(frozenset({"pay.example", "pay.example:8443", "127.0.0.1:8900", "[::1]:8900"}), https_only=False)
IN_PRODUCTION = Destinations(HERE.hosts)


@pytest.mark.parametrize(
    "url",
    [
        "https://pay.example",
        "https://pay.example/",
        "https://pay.example/c/pay/cs_test_a1?x=%20&y=1#fidkdWxOYHwnPyd1blpxYHZxWj",
        "https://PAY.example:443/",
        "https://pay.example:8443/c",
        "http://pay.example:80/",
        "http://127.0.0.1:8900/pay/1",
        "http://[::1]:8900/pay/1",
        "https://pay.example/@evil.example",
        "https://pay.example?@evil.example",
    ],
)
def test_a_page_of_a_listed_host_may_be_led_to(url: str) -> None:
    assert HERE.allow(url)
    HERE.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pay.example",
        "/c/pay",
        "//pay.example/",
        "https:pay.example",
        "https:///pay.example",
        "https://",
        "https://evil.example/",
        "https://pay.example.evil.example/",
        "https://evil.example/pay.example",
        "https://evilpay.example/",
        "https://pay.example./",
        "https://pay.example:8444/",
        "https://pay.example:/",
        "https://pay.example:0/",
        "https://pay.example:99999/",
        "https://pay.example:x/",
        "https://user@pay.example/",
        "https://user:password@pay.example/",
        "https://pay.example@evil.example/",
        "https://pay.example%2F@evil.example/",
        "https://pay.example\\@evil.example/",
        "https://evil.example\\.pay.example/",
        "https:\\\\pay.example/",
        "https://pay.example/a\\b",
        'https://pay.example/"><script>',
        "https://pay.example\t/",
        "https://pay.example/\r\nSet-Cookie: a=b",
        "https://pay.example/ x",
        " https://pay.example/",
        "https://pay.example/é",
        "https://pаy.example/",  # a Cyrillic letter
        "https://[::1/",
        "javascript:alert(1)//pay.example",
        "data:text/html,pay.example",
        "ftp://pay.example/",
        "file://pay.example/etc/passwd",
        "https://pay.example/" + "a" * LONGEST_URL,
    ],
)
def test_nothing_else_may_be_led_to_and_the_refusal_repeats_no_page(url: str) -> None:
    assert not HERE.allow(url)
    with pytest.raises(Invalid) as refusal:
        HERE.check(url)
    assert refusal.value.errors[0].pointer == "/url"
    assert "cookie" not in refusal.value.detail.lower()
    assert "password" not in refusal.value.detail


@pytest.mark.parametrize("url", ["http://pay.example/", "http://127.0.0.1:8900/pay/1"])
def test_in_production_links_lead_by_https_only(url: str) -> None:
    assert not IN_PRODUCTION.allow(url)
    with pytest.raises(Invalid, match="https in production"):
        IN_PRODUCTION.check(url)


def test_without_any_host_nothing_may_be_led_to() -> None:
    assert not Destinations().allow("https://pay.example/")


def test_a_refusal_names_the_host_and_the_setting() -> None:
    with pytest.raises(Invalid, match=r"leads to evil.example.*GATEWAY_SHORT_HOSTS"):
        IN_PRODUCTION.check("https://evil.example/secret")


@given(st.text(max_size=60), st.sampled_from(["", "https://", "https://pay.example", "http://pay.example:8443/"]))
def test_whatever_is_let_through_begins_with_a_listed_host(text: str, beginning: str) -> None:
    url = beginning + text
    if HERE.allow(url):
        authority = url.lower().split("://", 1)[1].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
        assert authority.removesuffix(":443").removesuffix(":80") in HERE.hosts
        assert url.isascii()
        assert url.isprintable()


def test_hosts_are_read_as_people_write_them() -> None:
    assert read_hosts(" Pay.example , pay.example:8443,,[::1]:80 ") == {"pay.example", "pay.example:8443", "[::1]:80"}
    assert read_hosts("") == frozenset()


@pytest.mark.parametrize("listed", ["*", "https://pay.example", "pay.example/", "a b", "*.example", "x:0", "é.example"])
def test_what_is_no_host_is_refused_by_its_place_and_not_repeated(listed: str) -> None:
    with pytest.raises(ValueError, match="entry 2 is no host") as refusal:
        read_hosts(f"pay.example,{listed}")
    assert listed not in str(refusal.value)


def test_the_hosts_of_pages_are_as_links_name_them() -> None:
    assert hosts_of(["https://API.example:443/v1", "http://127.0.0.1:8900", "none"]) == {
        "api.example",
        "127.0.0.1:8900",
    }


def test_codes_are_96_random_bits_that_fit_into_a_path() -> None:
    codes = {new_code() for _ in range(1_000)}
    assert len(codes) == 1_000
    assert all(is_code(code) for code in codes)


@pytest.mark.parametrize("text", ["", "A" * 15, "A" * 17, "A" * 15 + "/", "A" * 15 + ".", "A" * 16 + "\n", "é" * 16])
def test_what_cannot_be_a_code_is_not_looked_for(text: str) -> None:
    assert not is_code(text)
