"""Origins of pages, as browsers write them."""

import pytest

from domain.page_origins import origin_of, read_origins


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Gateway.example/base", "https://gateway.example"),
        ("https://gateway.example:443", "https://gateway.example"),
        ("http://gateway.example:80/", "http://gateway.example"),
        ("https://gateway.example:8443/x", "https://gateway.example:8443"),
        ("https://me:secret@gateway.example", "https://gateway.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_a_list_is_read_in_one_spelling() -> None:
    listed = read_origins(" https://Shop.example , http://127.0.0.1:3000,https://a.example:443,")
    assert listed == {"https://shop.example", "http://127.0.0.1:3000", "https://a.example"}
    assert read_origins("") == frozenset()
    assert read_origins("*") == {"*"}


@pytest.mark.parametrize(
    "text",
    [
        "shop.example",
        "https://",
        "https://shop.example/",
        "https://*.shop.example",
        "null",
        "*,https://shop.example",
        "ftp://a.example",
        "https://a.example https://b.example",
        "https://me@a.example",
    ],
)
def test_what_is_no_origin_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        read_origins(text)
